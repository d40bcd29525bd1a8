#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The symbol table that goes into the image, for backtraces.

    nm -n first.elf | tools/symbols.py > symbols.S

Functions only (nm's t and T), one name an address. Its layout is described in
kernel/backtrace.c, its place in the image in linker.ld.
"""
import sys

HEADER = """\
	.section .symbols, "a", @progbits
	.globl symbol_count, symbol_address, symbol_name, symbol_names
	.balign 4
symbol_count:
	.long {}
symbol_address:
{}
symbol_name:
{}
symbol_names:
{}
	.section .note.GNU-stack, "", @progbits
"""


def read_functions(lines):
    """Offset from the image's start to name; of several names at one address a global one."""
    functions, bounds = {}, {}
    for line in lines:
        address, kind, name = line.split()[-3:] if len(line.split()) == 3 else (None, "U", "")
        if name.startswith("__") and name.endswith(("_start", "_end")):
            bounds[name] = int(address, 16)
        elif kind == "T" or (kind == "t" and int(address, 16) not in functions):
            functions[int(address, 16)] = name
    if "__image_start" not in bounds or "__text_end" not in bounds:
        sys.exit("symbols: no __image_start or no __text_end; is this nm's output of the image?")
    start, end = bounds["__image_start"], bounds["__text_end"]
    return sorted((a - start, name) for a, name in functions.items() if start <= a < end)


def longs(numbers):
    return "\n".join(f"\t.long {n}" for n in numbers)


def main():
    functions = read_functions(sys.stdin)
    at, length = {}, 0  # where each name is; one of several functions is there once
    for _, name in functions:
        if name not in at:
            at[name] = length
            length += len(name) + 1
    strings = "\n".join(f'\t.asciz "{name}"' for name in at)
    addresses = longs(address for address, _ in functions)
    offsets = longs(at[name] for _, name in functions)
    sys.stdout.write(HEADER.format(len(functions), addresses, offsets, strings))


if __name__ == "__main__":
    main()
