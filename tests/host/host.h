/* SPDX-License-Identifier: MIT */
/* What the host's main() and port share. */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include <stdbool.h>

extern bool host_log;	  /* show what the code under test logs */
extern unsigned host_cpu; /* what port_cpu() answers */

#endif
