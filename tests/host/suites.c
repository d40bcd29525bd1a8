/* SPDX-License-Identifier: MIT */
/* A host process has no devices to test. */
#include "tests/ktest.h"

const struct ktest_suite *const ktest_device_suites[] = {NULL};
