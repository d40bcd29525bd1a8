/* SPDX-License-Identifier: MIT */
/*
 * The kernel's table of contents: what is set up in which order, and what is
 * done then.
 */
#include "drivers/device.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/irq.h"
#include "kernel/jobs/job.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/shell.h"
#include "kernel/show.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "tests/bench/bench.h"
#include "tests/ktest.h"

struct machine machine;

void kmain(uint32_t magic, uint64_t info_addr);

/* What is to be done, from the command line. */
static struct {
	const char *tests, *run, *bench;
	bool exit;
} asked;

static void options_init(void)
{
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};

	log_set_level(cmdline_choice("loglevel", PORT_LOG_WARNING, levels));
	machine.seed = cmdline_number("seed", time_ticks() & UINT32_MAX, 0, UINT64_MAX);
	asked.tests = cmdline_get("ktest");
	asked.run = cmdline_get("run");
	asked.bench = cmdline_get("bench");
	ktest_set_steps(cmdline_number("steps", 0, 0, UINT64_MAX));
	asked.exit = cmdline_flag("exit", false);
}

static void banner(void)
{
	const struct memmap *map = &machine.memmap;
	const struct swiotlb *pool = &machine.pool;

	printf("Bounce by %s: %lu MiB of memory, %lu MiB of it above 4 GiB; ",
	       machine.boot.protocol, memmap_bytes(map, 0) >> 20, memmap_bytes(map, GIB(4)) >> 20);
	if (pool->slots)
		printf("swiotlb %lu KiB at %#lx\n", swiotlb_bytes(pool) >> 10, pool->base.value);
	else
		printf("no swiotlb\n");
}

/* The tests, the job, the benches; the worst result is the exit code. */
static int work(void)
{
	int code = EXIT_PASS;

	if (asked.tests && ktest_run(*asked.tests ? asked.tests : "all", machine.seed))
		code = EXIT_FAIL;
	if (asked.run && job_run(asked.run))
		code = EXIT_FAIL;
	if (asked.bench && bench_run(*asked.bench ? asked.bench : "all"))
		code = EXIT_FAIL;
	return code;
}

void kmain(uint32_t magic, uint64_t info_addr)
{
	int code;

	machine.entered = time_ticks();
	console_init();					/* from here on there are words */
	trap_init();					/* and a fault is reported */
	firmware_init(magic, info_addr, &machine.boot); /* memory map, modules, command line */
	options_init();
	power_init(machine.boot.soft_off.port, machine.boot.soft_off.value);
	memory_map(&machine);	    /* page tables; all RAM is reachable */
	memory_share_out(&machine); /* modules to the top, swiotlb, zones */
	irq_init();
	time_init();
	irq_enable();
	console_start_input();
	devices_init();
	cmdline_warn_unknown();
	banner();
	code = work();
	if (asked.exit) {
		devices_shutdown();
		show_stats();
		machine_exit(code);
	}
	shell();
}
