/* SPDX-License-Identifier: MIT */
/* The suites that need a machine: tests/kernel/<stem>_test.c each. */
#include "tests/ktest.h"

extern const struct ktest_suite machine_suite;
extern const struct ktest_suite console_suite;
extern const struct ktest_suite pci_suite;
extern const struct ktest_suite edu_suite;
extern const struct ktest_suite disk_lsi_suite;
extern const struct ktest_suite disk_nvme_suite;
extern const struct ktest_suite lsi_suite;
extern const struct ktest_suite nvme_suite;
extern const struct ktest_suite bridge_suite;

const struct ktest_suite *const ktest_device_suites[] = {
	&machine_suite,	  &console_suite, &pci_suite,  &edu_suite,    &disk_lsi_suite,
	&disk_nvme_suite, &lsi_suite,	  &nvme_suite, &bridge_suite, NULL,
};
