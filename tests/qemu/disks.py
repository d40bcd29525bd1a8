# SPDX-License-Identifier: MIT
"""Disks as tests want them: of random bytes or a file system, that fail, are late, or are logged.

A disk is `-drive` options here. A boot costs more than a job, so tests pay
visits to the shell that do many; at the end of each nothing is mapped, nothing
was misused, and nobody went astray.
"""
from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import socket
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

import qemu
from judge import check_passed

PROMPT = r"^bounce> "
FLUSH = 1  # a flag of an entry of the log
SECTOR = 512
REQUEST = 128 << 10  # bytes: what a job asks for at a time, unless told


# --- what is on them ---

def random_image(path: Path, seed: int, size: int) -> Path:
    path.write_bytes(random.Random(f"{seed} {path.name}").randbytes(size))
    return path


def tool(*command) -> None:
    """A tool of the host's, some of which aren't on everybody's path; what it says if it fails."""
    path = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    done = subprocess.run([path or command[0], *map(str, command[1:])], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}"


def same(one: Path, other: Path) -> None:
    """To the last byte; where one is longer, it has zeros there."""
    tool("qemu-img", "compare", "-f", "raw", "-F", "raw", one, other)


# --- how QEMU is told of them ---

def raw(path: Path) -> str:
    return f"driver=raw,file.driver=file,file.filename={path}"


def failing(path: Path, *errors: str) -> str:
    """A disk that fails; an error is "event" or "event,sector=n,once=on"."""
    words = f"driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename={path}"
    for n, error in enumerate(errors):
        first, *rest = error.split(",")
        for word in [f"event={first}", "errno=5", *rest]:
            words += f",file.inject-error.{n}.{word}"
    return words


def slow(limit: str) -> List[str]:
    """Words for `Setup.extra`: how slow what is `throttled()` is."""
    return ["-object", f"throttle-group,id=slow,{limit}"]


def throttled(disk: str) -> str:
    return "driver=throttle,throttle-group=slow," + ",".join("file." + word
                                                             for word in disk.split(","))


def logged(path: Path, log: Path) -> str:
    """All that is written to it is in the log, too."""
    log.touch()
    return (f"driver=blklogwrites,file.driver=file,file.filename={path},log.driver=file,"
            f"log.filename={log}")


def log_entries(path: Path) -> Iterator[Tuple[int, int, bytes]]:
    """(flags, first byte, data) in order, up to the last flush."""
    log = path.read_bytes()
    magic, version, count, sector = struct.unpack_from("<QQQI", log)
    assert (magic, version) == (0x6a736677736872, 1)
    at = sector
    for _ in range(count):
        where, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
        data = log[at + sector:at + sector + sectors * sector]
        yield flags, where * sector, data
        at += sector + len(data)


# --- the shell ---

class Shell:
    """A guest at its prompt."""

    def __init__(self, guest: qemu.Guest):
        self.guest = guest
        guest.expect(PROMPT)

    def say(self, line: str, *answers: str) -> str:
        """Type a line; before the next prompt there is each of the answers. Returns all of it."""
        self.guest.send(line.encode() + b"\r")
        text = self.guest.expect(r"(?s:(.*?))^bounce> ").group(1)
        for answer in answers:
            assert re.search(answer, text, re.M), f"{line!r} brought no {answer!r} but:\n{text}"
        return text

    def hash(self, disk: str, path: Path, start: int = 0, length: int = -1) -> None:
        """What the guest reads there is what the host does."""
        data = path.read_bytes()[start:]
        part = f"{disk},{start}" + ("" if length < 0 else f",{length}")
        digest = hashlib.sha256(data if length < 0 else data[:length]).hexdigest()
        self.say(f"run disk {part}", rf"^sha256 {digest}  {disk}$")

    def copy(self, source: str, target: str, *how: object) -> Tuple[int, int]:
        """Returns how many requests were in flight at most, to the source and to the target."""
        line = ",".join(map(str, (source, target, *how)))
        text = self.say(f"run copy {line}", rf"^copy: \d+ bytes, {source} to {target}, at most")
        most = re.search(r"at most (\d+) and (\d+) requests in flight", text)
        return int(most[1]), int(most[2])

    def refuses(self, line: str, *answers: str) -> str:
        """Like say(), and nothing was done nor hashed."""
        text = self.say(line, *answers)
        assert not re.search(r"^(sha256|copy: \d+ bytes, )", text, re.M), text
        return text


@contextmanager
def visit(setup: qemu.Setup, suites: bool = False) -> Iterator[Shell]:
    """A Shell. Suites misuse on purpose, and judge that themselves.

    A host that is busy takes seconds to flush: no disk is late before its time, unless told.
    """
    patience = f"lsi.timeout={qemu.PATIENCE}000 nvme.timeout={qemu.PATIENCE}000"
    setup.cmdline = f"{patience} {setup.cmdline}"
    with qemu.Guest(setup) as guest:
        yield Shell(guest)
        guest.send(b"stats\roff\r")
        result = guest.finish()
    check_passed(result)
    stats = result.stats
    assert stats["pool"]["used"] == 0 and (suites or not stats["misuse"]), result.report()
    for name, device in stats["devices"].items():
        assert device["live"] == 0 and device["slots"] == 0, f"{name}\n{result.report()}"


class Monitor:
    """QEMU's own prompt, where disks are taken away or cut short behind the guest's back."""

    def __init__(self, folder: Path):
        self._path = folder / "monitor"
        self.words = ["-monitor", f"unix:{self._path},server,nowait"]

    def say(self, line: str) -> None:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(str(self._path))
            talk.sendall(line.encode() + b"\n")
            talk.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: talk.recv(4096), b""))
        assert b"Error" not in answer, answer
