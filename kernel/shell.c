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
#include "kernel/irq.h"
#include "kernel/jobs/job.h"
#include "kernel/line.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/show.h"
#include "kernel/string.h"
#include "tests/ktest.h"

struct command {
	const char *name, *arguments, *help;
	/* `rest` is what follows the name, without blanks around; never NULL. 0, or an error. */
	int (*run)(char *rest);
};

static int help(char *rest);

static int mem(char *rest)
{
	show_mem();
	return 0;
}

static int zones(char *rest)
{
	show_zones();
	return 0;
}

static int swiotlb(char *rest)
{
	show_swiotlb();
	return 0;
}

static int list_devices(char *rest)
{
	show_devices();
	return 0;
}

/* "edu edu1" and "edu:edu1" are the same job. */
static int run(char *rest)
{
	char *blank = strchr(rest, ' '), *colon = strchr(rest, ':'), *arguments = blank;

	if (blank && (!colon || colon > blank)) {
		while (*arguments == ' ')
			arguments++;
		*blank = ':';
		memmove(blank + 1, arguments, strlen(arguments) + 1);
	}
	return job_run(rest);
}

static int test(char *rest)
{
	return ktest_run(*rest ? rest : "all", machine.seed);
}

static int print_log(char *rest)
{
	uint64_t lines = 0;
	const char *end = rest;

	if (*rest && (parse_size(rest, &end, &lines) || *end || lines > UINT32_MAX)) {
		printf("log: '%s' is not a number of lines\n", rest);
		return -EINVAL;
	}
	log_print_ring((unsigned)lines);
	return 0;
}

static int reboot(char *rest)
{
	devices_shutdown();
	machine_reboot();
}

static int off(char *rest)
{
	devices_shutdown();
	machine_exit(EXIT_PASS);
}

static const struct command commands[] = {
	{"help", "", "this list", help},
	{"mem", "", "what lies where in memory", mem},
	{"zones", "", "the page allocator: free pages, free blocks by size, refusals", zones},
	{"swiotlb", "", "the bounce pool: use, what was copied, refusals", swiotlb},
	{"devices", "", "devices: reach, mask, interrupt, what they mapped; misuse", list_devices},
	{"run", "<job> [arguments]", "do a job; without a name: which there are", run},
	{"test", "[suite[.case]]", "run tests; 'test list' names them", test},
	{"log", "[lines]", "the log, or its last lines", print_log},
	{"reboot", "", "start over", reboot},
	{"off", "", "leave", off},
};

static int help(char *rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s%-19s%s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	printf("Keys: arrows, ^A ^E ^K ^U ^W edit, up and down recall, ^C gives a line up, "
	       "^L clears.\n");
	return 0;
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

int shell_execute(char *line)
{
	char *name = trim(line), *rest = strchr(name, ' ');

	if (!*name)
		return 0;
	if (rest)
		*rest++ = 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(rest ? trim(rest) : name + strlen(name));
	printf("%s: no such command; try help\n", name);
	return -ENOENT;
}

/* A byte that comes between the look and hlt isn't lost: sti takes effect after hlt began. */
static int read_byte(void)
{
	int byte;

	while ((byte = console_read()) < 0) {
		irq_disable();
		if (!console_readable())
			__asm__ volatile("sti; hlt" : : : "memory");
		irq_enable();
	}
	return byte;
}

void shell(void)
{
	static struct line line = {.emit = console_write};
	enum line_event event;

	for (;;) {
		line_begin(&line);
		do {
			event = line_feed(&line, (unsigned char)read_byte());
		} while (event == LINE_MORE);
		if (event == LINE_DONE)
			shell_execute(line.text);
	}
}
