/* SPDX-License-Identifier: MIT */
/* A host process has no devices to test, but memory for what a small machine can't hold. */
#include "tests/ktest.h"

extern const struct ktest_suite large_suite;

const struct ktest_suite *const ktest_device_suites[] = {&large_suite, NULL};
