/* SPDX-License-Identifier: MIT */
/*
 * Who called whom, and by what name.
 *
 * Every function keeps a frame pointer (-fno-omit-frame-pointer), and traps
 * fake a frame (trap_entry.S):
 *
 *	rbp -> | caller's rbp | return address |      lowest address first
 *
 * A stack that is walked here may be a broken one: each frame is read guarded,
 * has to lie above the one before, and there is an end to it in any case.
 */
#include "kernel/panic.h"

#include "kernel/printf.h"
#include "kernel/trap.h"

#define FRAMES_MOST 32

extern const char __image_start[], __text_end[];

/*
 * The functions of this image by address: made by tools/symbols.py, in
 * ascending order of address, one name for each.
 *
 *	function i begins at __image_start + symbol_address[i]
 *	and is called symbol_names + symbol_name[i]
 *
 * A function reaches to the next one, the last to __text_end. There is no table
 * in the build's first link: symbol_count is 0 then (linker.ld).
 */
extern const uint32_t symbol_count, symbol_address[], symbol_name[];
extern const char symbol_names[];

const char *port_symbol(const void *addr, size_t *offset)
{
	uint64_t start = (uint64_t)__image_start, at = (uint64_t)addr - start;
	uint32_t low = 0, high = symbol_count;

	if (at >= (uint64_t)__text_end - start)
		return NULL;
	while (low < high) { /* the last one that begins at or below it */
		uint32_t middle = low + (high - low) / 2;

		if (symbol_address[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	*offset = at - symbol_address[low - 1];
	return symbol_names + symbol_name[low - 1];
}

static void print_place(uint64_t addr, bool is_return)
{
	/* What returns behind the end of its function is still of that function. */
	size_t offset;
	const char *name = port_symbol((const void *)(addr - is_return), &offset);

	if (name)
		printf("#  %s+0x%zx\n", name, offset + is_return);
	else
		printf("#  0x%lx, which is no function\n", addr);
}

void backtrace_print(const void *frame_pointer, const void *instruction)
{
	const uint64_t *frame = frame_pointer;
	uint64_t next, from;

	if (instruction)
		print_place((uint64_t)instruction, false);
	for (int i = 0; i < FRAMES_MOST && frame; i++) {
		if ((uint64_t)frame % sizeof(*frame) || !read_guarded(&frame[0], 8, &next) ||
		    !read_guarded(&frame[1], 8, &from)) {
			printf("#  (the frame at %p can't be read)\n", (const void *)frame);
			return;
		}
		print_place(from, true);
		if (next && next <= (uint64_t)frame) {
			printf("#  (the frame at %p leads nowhere)\n", (const void *)frame);
			return;
		}
		frame = (const uint64_t *)next;
	}
}
