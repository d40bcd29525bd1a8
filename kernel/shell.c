/* SPDX-License-Identifier: MIT */
/*
 * The shell: reads a line, finds its first word in the table of commands, and
 * hands the rest to it. It sleeps in hlt until something is typed.
 */
#include "kernel/shell.h"

#include "drivers/device.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/jobs/job.h"
#include "kernel/line.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/show.h"
#include "kernel/string.h"
#include "tests/ktest.h"

struct command {
	const char *name, *arguments, *help;
	/* One of the two; `rest` is what follows the name, without blanks around. */
	void (*show)(void);
	void (*run)(char *rest);
};

/* "edu edu1" and "edu:edu1" are the same job. */
static void run(char *rest)
{
	char *blank = strchr(rest, ' ');

	if (blank)
		*blank = ':';
	job_run(rest);
}

static void test(char *rest)
{
	ktest_run(*rest ? rest : "all", machine.seed);
}

static void print_log(char *rest)
{
	uint64_t lines = 0;
	const char *end = rest;

	if (*rest && (parse_size(rest, &end, &lines) || *end))
		printf("log: '%s' is not a number of lines\n", rest);
	else
		log_print_ring(lines);
}

static void list_devices(char *rest)
{
	if (!*rest)
		show_devices();
	else if (!strcmp(rest, "-m"))
		show_device_memory();
	else
		printf("devices: it is 'devices' or 'devices -m', not '%s'\n", rest);
}

static void reboot(void)
{
	devices_shutdown();
	machine_reboot();
}

static void off(void)
{
	devices_shutdown();
	machine_exit(EXIT_PASS);
}

static void help(void);

static const struct command commands[] = {
	{"help", "", "this list", help, NULL},
	{"mem", "", "what lies where in memory", show_mem, NULL},
	{"zones", "", "the page allocator: free blocks by size, who was refused", show_zones, NULL},
	{"swiotlb", "", "the bounce pool: use and users, copies, refusals", show_swiotlb, NULL},
	{"dma", "", "each device's limits, what it mapped, what failed; misuse", show_dma, NULL},
	{"stats", "", "the counters of these three, as a line of JSON", show_stats, NULL},
	{"devices", "[-m]", "drivers, masks, reach, interrupts; -m: who has which memory, where",
	 NULL, list_devices},
	{"run", "<job> [arguments]", "do a job; without a name: which there are", NULL, run},
	{"test", "[suite[.case]]", "run tests; 'test list' names them", NULL, test},
	{"log", "[lines]", "the log, or its last lines", NULL, print_log},
	{"reboot", "", "start over", reboot, NULL},
	{"off", "", "leave", off, NULL},
};

static void help(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s%-19s%s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	printf("Keys: arrows, ^A ^E ^K ^U ^W edit, up and down recall, ^C gives a line up.\n");
}

/* Cut blanks off both ends. */
static char *trim(char *text)
{
	size_t n;

	while (*text == ' ')
		text++;
	n = strlen(text);
	while (n > 0 && text[n - 1] == ' ')
		text[--n] = 0;
	return text;
}

static void execute(char *line)
{
	char *name = trim(line), *rest = strchr(name, ' ');

	if (!*name)
		return;
	if (rest)
		*rest++ = 0;
	for (const struct command *c = commands; c < commands + ARRAY_SIZE(commands); c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		if (c->show)
			c->show();
		else
			c->run(rest ? trim(rest) : name + strlen(name));
		return;
	}
	printf("%s: no such command; try help\n", name);
}

void shell(void)
{
	static struct line line = {.emit = console_write};
	enum line_event event;

	for (;;) {
		line_begin(&line);
		do {
			event = line_feed(&line, console_read());
		} while (event == LINE_MORE);
		if (event == LINE_DONE)
			execute(line.text);
	}
}
