# SPDX-License-Identifier: MIT
"""gdb's `bounce` commands, one file a subject.

    source tools/gdb/bounce.py

`make debug` does it. All of them read the guest's memory through the symbols of
bounce.elf, beginning at the one `machine`; none changes anything.
"""
import pathlib
import sys

import gdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


class Bounce(gdb.Command):
    """The kernel's own state: bounce zones | swiotlb | mappings | log."""

    def __init__(self):
        super().__init__("bounce", gdb.COMMAND_DATA, prefix=True)


class Start(gdb.Command):
    """Run to entry64, where the kernel is in 64-bit mode and at its own addresses."""

    def __init__(self):
        super().__init__("bounce start", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        # A hardware breakpoint: the loader writes the image over a software one.
        gdb.execute("thbreak entry64", to_string=True)
        gdb.execute("continue", to_string=True)
        print(f"stopped at the first 64-bit instruction of the kernel, {gdb.parse_and_eval('$pc')}")


Bounce()
Start()

import log  # noqa: E402,F401  the commands register themselves
import mappings  # noqa: E402,F401
import swiotlb  # noqa: E402,F401
import zones  # noqa: E402,F401
