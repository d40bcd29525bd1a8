/* SPDX-License-Identifier: MIT */
/*
 * Jobs: what `run=<job>[:<arguments>]` and the shell's `run` can do.
 */
#ifndef KERNEL_JOB_H
#define KERNEL_JOB_H

struct job {
	const char *name;
	const char *help; /* one line */
	/* `arguments` is never NULL. 0: it did what it says; an error otherwise, and said why. */
	int (*run)(const char *arguments);
};

extern const struct job disk_job, copy_job; /* disk.c */
extern const struct job *const jobs[];	    /* NULL-terminated; in job.c */

/* Run `spec`, "<job>[:<arguments>]". -ENOENT, with a line that lists the jobs, where there is none.
 */
int job_run(const char *spec);

/*
 * The boot module through a copy engine and back (bounce.c): device `name`,
 * or the first of `driver`'s where that is empty. `model` is what QEMU calls it.
 */
int job_bounce(const char *driver, const char *model, const char *name);

#endif
