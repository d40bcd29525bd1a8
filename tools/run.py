#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make run`: boot, send a file through a device that can't reach it, compare with the host.

At a terminal the user ends up in the kernel's shell; the serial port goes
through a socket, so that what QEMU itself prints is kept for the verdict and
doesn't mix in. Without a terminal the job runs and the exit code is the
verdict: the kernel's, and that of the host, which knows the file's hash and
counts what QEMU saw.
"""
from __future__ import annotations

import argparse
import os
import re
import select
import shlex
import signal
import sys
import termios
import tty
from pathlib import Path
from typing import List, Optional, Tuple

from qemu import FIRMWARES, MACHINES, Guest, QemuError, Result, Setup, clean, sha256

ROOT = Path(__file__).resolve().parent.parent
LEAST_MIB = {"pvh": 24, "bios": 24, "uefi": 64}
CTRL_BRACKET = b"\x1d"

# What firmware and GRUB leave on the serial port before the kernel's first line.
NOISE = re.compile(r"\s*($|BdsDxe: |WARNING: no console|error: no suitable video mode"
                   r"|Booting (`|in blind mode|from )|SeaBIOS|iPXE|GRUB|Welcome to GRUB)")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, help="what to send (README.md)")
    parser.add_argument("--args", default="", help="more words for the kernel's command line")
    parser.add_argument("--machine", default="q35", help=f"{' or '.join(MACHINES)} (q35)")
    parser.add_argument("--firmware", default="bios", help=f"{', '.join(FIRMWARES)} (bios)")
    parser.add_argument("--memory", default="6G", help="6G")
    parser.add_argument("--cpu", default="qemu64", help="a CPU model of QEMU's (qemu64)")
    parser.add_argument("--qemu-args", default="", help="more words for QEMU's command line")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--dry-run", action="store_true", help="print QEMU's command line only")
    return parser.parse_args()


def file_to_send(given: Path) -> Path:
    """The user's file, or one that every copy of the tree has."""
    path = given or next(p for p in (ROOT / "README.md", ROOT / "LICENSE") if p.exists())
    if not path.is_file():
        raise QemuError(f"FILE={path}: no such file")
    if not os.access(path, os.R_OK):
        raise QemuError(f"FILE={path}: not readable")
    if path.stat().st_size == 0:
        raise QemuError(f"FILE={path} is empty: there is nothing to send")
    return path


def check_memory(firmware: str, memory: str) -> None:
    """With less, no line of the kernel's would say why: it or its firmware doesn't get that far."""
    least = LEAST_MIB.get(firmware, 0)
    match = re.fullmatch(r"([0-9]+)([MG]?)", memory)
    if match and int(match.group(1)) * (1024 if match.group(2) == "G" else 1) < least:
        raise QemuError(f"MEM={memory}: {firmware} needs {least}M at least")


def setup_of(opts: argparse.Namespace, at_terminal: bool) -> Setup:
    check_memory(opts.firmware, opts.memory)
    words = ["run=edu", *opts.args.split()] + ([] if at_terminal else ["exit"])
    return Setup(build=opts.build, firmware=opts.firmware, machine=opts.machine, cpu=opts.cpu,
                 memory=opts.memory, cmdline=" ".join(words), module=file_to_send(opts.file),
                 reboot=at_terminal, extra=shlex.split(opts.qemu_args))


class Screen:
    """Serial output on its way to the user, from the kernel's first line on."""

    def __init__(self, carriage_return: bool):
        self._shown = 0  # bytes that were shown, or passed over
        self._begun = False
        self._return = carriage_return

    def show(self, serial: bytearray) -> None:
        """What is new in `serial`."""
        if not self._begun:
            self._skip_noise(serial)
        if self._begun:
            data = bytes(serial[self._shown:])
            self._shown = len(serial)
            sys.stdout.buffer.write(data if self._return else data.replace(b"\r", b""))
            sys.stdout.buffer.flush()

    def _skip_noise(self, serial: bytearray) -> None:
        while not self._begun:
            end = serial.find(b"\n", self._shown) + 1
            if not end:
                return
            self._begun = not NOISE.match(clean(bytes(serial[self._shown:end])))
            if not self._begun:
                self._shown = end


def watch(guest: Guest, screen: Screen, patience: float) -> None:
    """Show what it prints until it ends; `patience`: the longest silence, in seconds."""
    while True:
        data = guest.pump(patience)
        if data is None:
            return
        if not data:
            raise QemuError(f"the guest said nothing for {patience:.0f} s, and was ended")
        screen.show(guest.serial)


def relay(guest: Guest, screen: Screen) -> bool:
    """The user's keys to the guest, its output to the screen. True: the user left, by Ctrl-]."""
    keyboard = sys.stdin.fileno()
    while True:
        ready, _, _ = select.select([keyboard, guest], [], [])
        if guest in ready:
            ended = guest.pump() is None
            screen.show(guest.serial)
            if ended:
                return False
        if keyboard in ready:
            keys = os.read(keyboard, 1024)
            if not keys or CTRL_BRACKET in keys:
                return True
            guest.send(keys)
            screen.show(guest.serial)


def converse(guest: Guest) -> bool:
    """relay() at a terminal, which is given back as it was found."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setraw(keyboard)
    try:
        return relay(guest, Screen(carriage_return=True))
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        print()


def boot(setup: Setup, at_terminal: bool) -> Tuple[Result, bool]:
    """The run, and whether the user left it by Ctrl-]."""
    left = False
    with Guest(setup) as guest:
        if at_terminal:
            left = converse(guest)
        else:
            patience = 60 + setup.module.stat().st_size / 1e6
            watch(guest, Screen(carriage_return=False), patience)
        return guest.result(), left


def runs_edu(setup: Setup) -> bool:
    """Is the main job what was asked for? Of equal words the last counts."""
    jobs = [word for word in setup.cmdline.split() if word.startswith("run=")]
    return re.match(r"run=edu\b", jobs[-1]) is not None


def complaints_of(result: Result, setup: Setup, want: Optional[str], left: bool) -> List[str]:
    """What the host has against the run; `want`: the file's hash, where anything came back."""
    if not result.serial.strip():
        return ["not a word came from the machine", *result.stderr.splitlines()]
    found = list(result.complaints(want))
    if runs_edu(setup) and not want:
        found.append("nothing came back to compare")
    if result.exit is None and not left:
        found += [f"the run has no end, QEMU left with {result.rc}", *result.stderr.splitlines()]
    return found


def verdict(result: Result, setup: Setup, left: bool) -> bool:
    """Say what the host thinks of it."""
    if left and not result.serial.endswith("bounce> "):
        print("host: left in the middle; no verdict")
        return True
    want = sha256(setup.module) if result.sha256("out") else None
    complaints = complaints_of(result, setup, want, left)
    for complaint in complaints:
        print(f"host: FAILED: {complaint}")
    if complaints:
        return False
    if want:
        print(f"host: sha256 {want}  {setup.module.name}, before and after")
    print(f"host: QEMU reported {result.clamps_outside} clamps, "
          f"the kernel made {result.clamps_inside} on purpose")
    return left or result.passed


def main() -> int:
    opts = options()
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        setup = setup_of(opts, at_terminal)
        if opts.dry_run:
            print(shlex.join(setup.command()))
            return 0
        if at_terminal:
            print(f"{setup.firmware} on {setup.machine} with {setup.memory}, {setup.module}.  "
                  "Leave: off, or Ctrl-] at any time.")
        result, left = boot(setup, at_terminal)
    except QemuError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    return 0 if verdict(result, setup, left) else 1


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # QEMU goes too, and the terminal is set back
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # who read has seen enough
        os._exit(141)
