/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/job.h"

#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/errno.h"

static int run_edu(const char *device)
{
	return job_bounce("edu", "edu", device);
}

static const struct job edu_job = {
	.name = "edu",
	.help = "the boot module through edu and back: directly, then bounced; edu:<device>",
	.run = run_edu,
};

static int run_lsi(const char *device)
{
	return job_bounce("lsi", "lsi53c895a", device);
}

static const struct job lsi_job = {
	.name = "lsi",
	.help = "the same through the on-chip RAM of an LSI53C895A; lsi:<device>",
	.run = run_lsi,
};

const struct job *const jobs[] = {
	&edu_job, &lsi_job, &disk_job, &copy_job, NULL,
};

int job_run(const char *spec)
{
	const char *colon = strchr(spec, ':');
	size_t n = colon ? (size_t)(colon - spec) : strlen(spec);

	for (const struct job *const *job = jobs; *job; job++)
		if (strlen((*job)->name) == n && strncmp((*job)->name, spec, n) == 0)
			return (*job)->run(colon ? colon + 1 : "");
	if (n)
		printf("run: there is no job '%.*s'. ", (int)n, spec);
	printf("The jobs are:\n");
	for (const struct job *const *job = jobs; *job; job++)
		printf("  %-8s %s\n", (*job)->name, (*job)->help);
	return -ENOENT;
}
