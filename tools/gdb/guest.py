# SPDX-License-Identifier: MIT
"""What the subjects share: reading the guest's structures."""
import gdb

SLOT = 2048
DIRECTIONS = {0: "bidirectional", 1: "to device", 2: "from device"}


def machine():
    return gdb.parse_and_eval("machine")


def size(count):
    """Bytes for a person, as the kernel's shell prints them."""
    return f"{count >> 10} KiB"


def words(pointer, count):
    """`count` 64-bit words at a guest pointer, in one read."""
    data = gdb.selected_inferior().read_memory(int(pointer), 8 * count)
    return memoryview(bytes(data)).cast("Q")


def set_bits(pointer, bits):
    """The numbers of the bits that are set in a bitmap of the guest's."""
    for index, word in enumerate(words(pointer, (bits + 63) // 64)):
        while word:
            low = word & -word
            yield 64 * index + low.bit_length() - 1
            word ^= low


def counts(times, names):
    """An array of counters in words, as the kernel's show_counts() has them."""
    found = [f"{int(times[i])} {name}" for i, name in enumerate(names) if int(times[i])]
    return ", ".join(found) or "none"


def names(function):
    """The words of a kernel function that names an enumeration's members: its table."""
    table = gdb.parse_and_eval(f"{function}::names")
    return [table[i].string() if table[i] else "?" for i in range(table.type.range()[1] + 1)]


class Command(gdb.Command):
    """A `bounce` command that prints lines(argument)."""

    def __init__(self, name):
        super().__init__(f"bounce {name}", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for line in self.lines(argument):
            print(line)
