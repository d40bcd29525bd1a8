# SPDX-License-Identifier: MIT
"""bounce log [lines]: the ring, also of a kernel that can print no more."""
import gdb

import guest


class Log(guest.Command):
    """The last lines of the log (20, or as many as asked for; 0: all)."""

    def lines(self, argument):
        log = gdb.parse_and_eval("kernel_log")
        ring, written = log["ring"], int(log["written"])
        size = ring.type.sizeof
        data = bytes(gdb.selected_inferior().read_memory(int(ring.address), size))
        text = data[written % size:] + data[:written % size] if written > size else data[:written]
        found = text.decode("utf-8", "replace").split("\n")[1 if written > size else 0:-1]
        yield from found[-int(argument or 20):]


Log("log")
