/* SPDX-License-Identifier: MIT */
/*
 * What a demonstration found, and the picture that it ends in: memory as a bar,
 * what the device reaches of it, where the file lies, and what became of it.
 *
 *	memory   0 ─DMA─ 16M ─kernel─ 17M ─swiotlb─ 145M ───────── 2G   hole   4G ───────── 8G
 *	edu0 reaches 28 bits ──────────────────────────────┤ 256M
 *	                                               your file: 0x1fffff000, 23 KiB ▲
 *	            ◄──────────────── 0x100fff000 is 0xfff000 to edu0 ──────────┘
 *
 * A schematic: named parts are as wide as their names, the stretches between
 * them share what is left of the line, and within one a doubling of the address
 * is always the same way. Pure: numbers in, lines out.
 */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include "mm/memmap.h"

#define REPORT_COLUMNS 100 /* no line is wider */

/* The machine, as the bar shows it. */
struct report_memory {
	uint64_t low_end;	       /* of RAM below 4 GiB */
	uint64_t high_start, high_end; /* of RAM from 4 GiB on; equal where there is none */
	struct mem_range kernel, pool; /* empty: there is none */
	uint64_t ram, ram_in_reach;    /* bytes */
};

/* Where the mask comes from. */
enum reach_known {
	REACH_SEEN,	/* a probe saw that it is just this, */
	REACH_AT_LEAST, /* or this and perhaps more: no RAM could tell */
	REACH_HELD,	/* a probe saw more, somebody asked for less */
	REACH_CLAIMED	/* nobody saw it */
};

struct report_device {
	const char *name;
	uint64_t mask;	/* the highest bus address in force */
	uint64_t reach; /* the highest physical address for it */
	enum reach_known known;
};

/* Step 1, without the API. */
enum direct_result {
	DIRECT_OFF,	    /* by option */
	DIRECT_NOTHING_OUT, /* all memory is within reach */
	DIRECT_NO_PAGES,    /* no page out of reach whose aliases could be had */
	DIRECT_FAILED,	    /* the device did not do it */
	DIRECT_DONE
};

struct report_direct {
	enum direct_result result;
	uint64_t asked, alias;	    /* the address the device was told; where it goes if clamped */
	uint64_t read_at, wrote_at; /* what it used: one of the two, or UINT64_MAX for neither */
	size_t length, wrong, overwritten; /* bytes: told, read wrong, changed in the alias */
};

/* Step 2, through it. */
struct report_bounced {
	uint64_t pieces;
	uint64_t bytes, bytes_bounced;	    /* both ways together */
	uint64_t slots, transient;	    /* pool slots; mappings through transient slots */
	uint64_t cost;			    /* instructions a piece beyond the copies; 0: unknown */
	uint64_t wrong_pieces, first_wrong; /* first_wrong: offset in the file, bytes */
	char stopped[160];		    /* why it didn't come to the end; empty if it did */
};

struct report {
	struct report_memory memory;
	struct report_device device;
	struct report_direct direct;
	struct report_bounced bounced;
	uint64_t file_addr, file_size;
	char sha256_in[65], sha256_out[65];
	bool whole;	 /* it all came back, byte for byte */
	const char *job; /* what to try again; NULL where no shell follows */
};

typedef void report_line(void *context, const char *line);

/* All of it, line by line, without newlines, in UTF-8. */
void report_print(const struct report *report, report_line *emit, void *context);

#endif
