/* SPDX-License-Identifier: MIT */
/*
 * The unit tests as a program:
 *
 *	unit [ktest=all|list|<suite>|<suite>.<case>] [seed=<n>] [steps=<n>] [log]
 *
 * Exits with 0 if all passed, with 1 if not, or if there is no such test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/host/host.h"
#include "tests/ktest.h"

/* A host is fast, and it is here that a model test shall find what there is. */
#define MODEL_STEPS 1000000

int main(int argc, char **argv)
{
	const char *which = "all";
	uint64_t seed = (uint64_t)time(NULL);

	ktest_set_steps(MODEL_STEPS);
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "ktest=", 6) == 0) {
			which = argv[i] + 6;
		} else if (strncmp(argv[i], "seed=", 5) == 0) {
			seed = strtoull(argv[i] + 5, NULL, 0);
		} else if (strncmp(argv[i], "steps=", 6) == 0) {
			ktest_set_steps(strtoul(argv[i] + 6, NULL, 0));
		} else if (strcmp(argv[i], "log") == 0) {
			host_log = true;
		} else {
			fprintf(stderr, "%s: what is '%s'?\n", argv[0], argv[i]);
			return 1;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	return ktest_run(which, seed) != 0;
}
