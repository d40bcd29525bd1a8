/* SPDX-License-Identifier: MIT */
/* The suites that run on the host and in the kernel alike: tests/unit/<stem>_test.c each. */
#include "tests/ktest.h"

extern const struct ktest_suite model_suite;
extern const struct ktest_suite boot_suite;
extern const struct ktest_suite memmap_suite;
extern const struct ktest_suite hbitmap_suite;
extern const struct ktest_suite buddy_suite;
extern const struct ktest_suite pages_suite;
extern const struct ktest_suite pages_model_suite;
extern const struct ktest_suite kmem_suite;
extern const struct ktest_suite limits_suite;
extern const struct ktest_suite runs_suite;
extern const struct ktest_suite swiotlb_suite;
extern const struct ktest_suite map_suite;
extern const struct ktest_suite copy_suite;
extern const struct ktest_suite attrs_suite;
extern const struct ktest_suite transient_suite;
extern const struct ktest_suite replay_suite;
extern const struct ktest_suite wait_suite;
extern const struct ktest_suite sg_suite;
extern const struct ktest_suite table_suite;
extern const struct ktest_suite exhaustive_suite;
extern const struct ktest_suite map_model_suite;
extern const struct ktest_suite check_suite;
extern const struct ktest_suite gate_suite;
extern const struct ktest_suite ledger_suite;
extern const struct ktest_suite coherent_suite;
extern const struct ktest_suite pool_suite;
extern const struct ktest_suite declared_suite;
extern const struct ktest_suite printf_suite;
extern const struct ktest_suite string_suite;
extern const struct ktest_suite cmdline_suite;
extern const struct ktest_suite line_suite;
extern const struct ktest_suite sha256_suite;
extern const struct ktest_suite report_suite;
extern const struct ktest_suite scsi_suite;
extern const struct ktest_suite lsi_script_suite;
extern const struct ktest_suite nvme_ring_suite;

/* clang-format off */
const struct ktest_suite *const ktest_unit_suites[] = {
	&model_suite,
	&boot_suite,
	&memmap_suite,
	&hbitmap_suite,
	&buddy_suite,
	&pages_suite,
	&pages_model_suite,
	&kmem_suite,
	&limits_suite,
	&runs_suite,
	&swiotlb_suite,
	&map_suite,
	&copy_suite,
	&attrs_suite,
	&transient_suite,
	&replay_suite,
	&wait_suite,
	&sg_suite, &table_suite, &exhaustive_suite, &map_model_suite, &check_suite,
	&gate_suite,
	&ledger_suite,
	&coherent_suite,
	&pool_suite,
	&declared_suite,
	&printf_suite,
	&string_suite,
	&cmdline_suite,
	&line_suite,
	&sha256_suite,
	&report_suite,
	&scsi_suite,
	&lsi_script_suite,
	&nvme_ring_suite,
	NULL,
};
/* clang-format on */
