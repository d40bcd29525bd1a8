/* SPDX-License-Identifier: MIT */
/*
 * The functions of this image by address, for backtraces: made by
 * tools/symbols.py, in ascending order of address, one name for each.
 *
 *	function i begins at __image_start + symbol_address[i]
 *	and is called symbol_names + symbol_name[i]
 *
 * A function reaches to the next one, the last to __text_end. There is no table
 * in the build's first link: symbol_count is 0 then (linker.ld).
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

extern const char __image_start[], __text_end[];

extern const uint32_t symbol_count;
extern const uint32_t symbol_address[], symbol_name[];
extern const char symbol_names[];

#endif
