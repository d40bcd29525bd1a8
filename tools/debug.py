#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make debug`: QEMU stopped at the first 64-bit instruction, gdb attached.

gdb has the terminal, so the serial port goes to a file in the build folder
(`bounce log` shows the kernel's log inside gdb). With --batch the gdb commands
come from a file, and gdb's end is QEMU's end; that is how the test drives it.
"""
from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List

from qemu import QemuError, Setup

ROOT = Path(__file__).resolve().parent.parent
SOCKET_SECONDS = 10


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--file", type=Path, default=ROOT / "README.md", help="the boot module")
    parser.add_argument("--args", default="run=edu", help="the kernel's command line (run=edu)")
    parser.add_argument("--memory", default="6G", help="6G")
    parser.add_argument("--batch", type=Path, help="gdb commands to run instead of a prompt")
    parser.add_argument("--serial", type=Path, help="where serial output goes")
    return parser.parse_args()


def qemu_command(opts: argparse.Namespace, serial: Path, socket: Path) -> List[str]:
    setup = Setup(build=opts.build, cmdline=opts.args, memory=opts.memory, module=opts.file,
                  extra=["-S", "-gdb", f"unix:{socket},server=on,wait=off"])
    setup.check()
    return setup.command(serial=["-serial", f"file:{serial}"])


def gdb_command(opts: argparse.Namespace, socket: Path) -> List[str]:
    words = ["gdb", "-q", "-nx"] + (["-batch"] if opts.batch else [])
    for command in ("set confirm off", "set pagination off", f"target remote {socket}",
                    f"source {ROOT / 'tools/gdb/bounce.py'}", "bounce start"):
        words += ["-ex", command]
    words += ["-x", str(opts.batch)] if opts.batch else []
    return words + [str(opts.build / "bounce.elf")]


def wait_for(socket: Path, qemu: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SOCKET_SECONDS
    while not socket.exists():
        if qemu.poll() is not None or time.monotonic() > deadline:
            raise QemuError("QEMU did not open its gdb socket")
        time.sleep(0.02)


def debug(opts: argparse.Namespace, folder: Path) -> int:
    serial, socket = opts.serial or opts.build / "debug.serial", folder / "gdb"
    serial.write_bytes(b"")
    # A session of its own: Ctrl-C is for gdb, which stops the guest, not for QEMU.
    qemu = subprocess.Popen(qemu_command(opts, serial, socket), stdin=subprocess.DEVNULL,
                            stdout=open(folder / "stdout", "wb"), stderr=subprocess.STDOUT,
                            start_new_session=True)
    try:
        wait_for(socket, qemu)
        print(f"serial output is in {serial}; try: bounce zones | swiotlb | mappings | log")
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(gdb_command(opts, socket), check=False).returncode
    finally:
        qemu.kill()
        qemu.wait()


def main() -> int:
    opts = options()
    folder = Path(tempfile.mkdtemp(prefix="bounce-debug-"))
    try:
        if not shutil.which("gdb"):
            raise QemuError("gdb is not here (package gdb)")
        return debug(opts, folder)
    except QemuError as error:
        print(f"debug: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
