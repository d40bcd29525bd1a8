# SPDX-License-Identifier: MIT
"""NVMe disks: what they hold against the host's own files, and how they fail.

A boot costs more than a job, so each is a visit to the shell that does many.
"""
from __future__ import annotations

import hashlib
import random
import re
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest
import qemu
from judge import check_passed
from test_lsi import FLUSH, failing, log_entries, raw, throttled

PROMPT = r"^bounce> "
SIZE = 6_000 * 512
LARGE = 5 << 20  # enough for the suite
SLOW = ["-object", "throttle-group,id=slow,x-bps-total=20000"]


@pytest.fixture
def image(tmp_path, seed):
    """A function that makes a disk of random bytes."""
    def make(name: str, size: int = SIZE) -> Path:
        path = tmp_path / name
        path.write_bytes(random.Random(f"{seed} {name}").randbytes(size))
        return path
    return make


class Shell:
    """A guest at its prompt."""

    def __init__(self, guest):
        self.guest = guest
        guest.expect(PROMPT, 60)

    def say(self, line, answer=r"", timeout=60):
        """Type a line; what comes before the next prompt has the answer. Returns all of it."""
        self.guest.send(line.encode() + b"\r")
        text = self.guest.expect(r"(?s:(.*?))^bounce> ", timeout).group(1)
        assert re.search(answer, text, re.M), f"{line!r} brought no {answer!r} but:\n{text}"
        return text

    def hash(self, disk, path, start=0, length=None):
        data = path.read_bytes()[start:]
        part = f"{disk},{start}" + ("" if length is None else f",{length}")
        digest = hashlib.sha256(data if length is None else data[:length]).hexdigest()
        self.say(f"run disk {part}", rf"^sha256 {digest}  {disk}$")

    def copy(self, source, target, how=""):
        return self.say(f"run copy {source},{target}{how}", rf"^copy: \d+ bytes, {source} to {target}")


@contextmanager
def visit(setup):
    """A Shell; at the end nothing is mapped, nothing was misused, nobody went astray."""
    with qemu.Guest(setup) as guest:
        yield Shell(guest)
        guest.send(b"stats\roff\r")
        result = guest.finish()
        check_passed(result)
        live = re.findall(r'"live": (\d+)', result.serial)
        assert live and set(live) == {"0"} and '"used": 0,' in result.serial, result.report()
        assert '"misuse": {}' in result.serial, result.report()


# Firmware, machine, memory, words for the kernel, the device's options, pieces and depths.
PLACES = [
    ("pvh-pc-128M", "pvh", "pc", "128M", "place=low", "", [",512,63", ",4K,1"]),
    ("bios-q35-64G-cmb", "bios", "q35", "64G", "place=shuffle nvme.irq=intx",
     "cmb_size_mb=2,mdts=1,logical_block_size=4096,physical_block_size=4096",
     [",4K,64", ",28K,5", ",4M,2"]),
    ("pvh-pc-6G-old-cmb", "pvh", "pc", "6G", "place=edge nvme.irq=none",
     "cmb_size_mb=1,legacy-cmb=on,mdts=0", [",7K,16", ",4M,1"]),
    ("pvh-q35-6G-30-bits", "pvh", "q35", "6G", "nvme.mask=30 swiotlb=16M", "cmb_size_mb=1",
     [",128K,64", ",1M,64"]),
    ("uefi-q35-3G-cmb", "uefi", "q35", "3G", "nvme.bounce=force", "cmb_size_mb=64", [",128K,16"]),
]


@pytest.mark.parametrize("firmware, machine, memory, words, options, pieces",
                         [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_everywhere(setup, image, firmware, machine, memory, words, options, pieces):
    """Hashes of all and of parts, copies in pieces of every size, and every shape of request."""
    source, target, back = image("from.img"), image("to.img", LARGE), image("back.img", LARGE)
    place = setup(words, firmware=firmware, machine=machine, memory=memory,
                  devices=["lsi53c895a"], disks=[raw(source), raw(back)],
                  nvme=[(raw(target), options), (qemu.SCRATCH_DISK, "")])
    with visit(place) as shell:
        shell.hash("nvme0", target)
        on_it = re.search(r"^nvme0 +nvme0 +WC +\S+ +(\S+) +(\S+) +\d+ KiB +(\d+)$",
                          shell.say("devices -m"), re.M)
        assert bool(on_it) == ("cmb" in options)
        if on_it:  # where no CPU has an address, unless it's too old to be told
            assert on_it[2] == (on_it[1] if "legacy" in options else hex(1 << 52))
            assert int(on_it[3]) >= 4  # both submission queues, an answer, a list
        for start, length in [(0, 1), (511, 2), (4096, 4096), (4095, 131_074), (1_000_001, 1_000_001),
                              (LARGE - 1, 1), (LARGE, 0)]:
            shell.hash("nvme0", target, start, length)
        for piece in pieces:
            shell.copy("lsi0", "nvme0", piece)
            shell.hash("nvme0", source, 0, SIZE)
        shell.copy("nvme0", "lsi1")
        shell.copy("nvme0", "nvme1")
        shell.hash("nvme1", source, 0, SIZE)
        assert target.read_bytes()[:SIZE] == source.read_bytes()
        assert back.read_bytes() == target.read_bytes()
        if "irq=none" not in words:  # it polls, slowly, for itself
            assert "SKIP" not in shell.say("test nvme", r"^ok 1 nvme$", 120)
    assert source.read_bytes() == image("from.img").read_bytes()


def test_a_copy_boots(boot, setup, build, tmp_path):
    """The proof that anyone understands."""
    source, copy = tmp_path / "source.iso", tmp_path / "copy.iso"
    shutil.copy(build / "bounce.iso", source)
    with open(copy, "wb") as file:
        file.truncate(source.stat().st_size)
    with visit(setup(devices=["lsi53c895a"], disks=[raw(source)], nvme=[(raw(copy), "")])) as shell:
        shell.copy("lsi0", "nvme0")
    check_passed(boot("ktest=sha256 exit", firmware="bios", iso=copy))


def test_disks_that_fail(setup, image, tmp_path):
    """Each says so, by name and reason; what is tried again in time nobody notices; a disk that is
    short, or gone; and data is on the medium before a flush, and that before success."""
    good, reads, writes, flushes, once, logged = (
        image(name) for name in ("good", "reads", "writes", "flushes", "once", "logged"))
    short, log, monitor = image("short", SIZE - 512), tmp_path / "log", tmp_path / "monitor"
    before = writes.read_bytes()
    log.touch()
    disks = [raw(good), failing(reads, "read_aio,sector=3000"),
             failing(writes, "write_aio,sector=3000"), failing(flushes, "flush_to_disk"),
             failing(once, "read_aio,sector=10,once=on", "write_aio,sector=5000,once=on",
                     "flush_to_disk,once=on"), raw(short),
             f"driver=blklogwrites,file.driver=file,file.filename={logged},log.driver=file,"
             f"log.filename={log}"]
    with visit(setup(devices=[], nvme=[(disk, "") for disk in disks],
                     extra=["-monitor", f"unix:{monitor},server,nowait"])) as shell:
        shell.say("run disk nvme1", r"nvme1: read of 256 sectors at 2816 failed: unrecovered read error")
        shell.hash("nvme1", reads, 0, 1_000_000)
        text = shell.say("run copy nvme0,nvme2", r"nvme2: write of 256 sectors at 2816 failed: write fault")
        assert re.search(r"copy: nvme0 to nvme2 failed: error 5", text), text
        text = shell.say("run copy nvme0,nvme3", r"nvme3: flush failed: write fault")
        assert re.search(r"copy: nvme0 to nvme3 failed: error 5", text), text
        shell.copy("nvme0", "nvme4")
        shell.hash("nvme4", good)
        shell.say("run copy nvme0,nvme5", r"don't go to nvme5")
        shell.say(f"run disk nvme5,{SIZE - 512},1", rf"nvme5 has {SIZE - 512} bytes")
        shell.copy("nvme0", "nvme6")
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(str(monitor))
            talk.sendall(b"drive_del nvme5\n")
            talk.shutdown(socket.SHUT_WR)
            while talk.recv(4096):
                pass
        shell.say("run disk nvme5", r"nvme5: read of 256 sectors at \d+ failed: ")
        shell.hash("nvme0", good)
    data, after = good.read_bytes(), writes.read_bytes()
    assert once.read_bytes() == data
    for at in range(0, SIZE, 512):  # what was written is right, the rest is untouched
        assert after[at:at + 512] in (data[at:at + 512], before[at:at + 512])
    entries = list(log_entries(log))
    first_flush = next(n for n, (flags, _, _) in enumerate(entries) if flags & FLUSH)
    written = bytearray(SIZE)
    for _, at, piece in entries[:first_flush]:
        written[at:at + len(piece)] = piece
    assert written == data and all(not piece for _, _, piece in entries[first_flush:])


def test_late_answers_and_namespaces(setup, image):
    """What is in flight when no answer comes fails, and the controller goes on. It has more
    namespaces than are made disks, the next has none; nobody else notices."""
    slow, good, other = image("slow"), image("good"), image("other")
    extra = [*SLOW, "-device", "nvme,id=many,serial=many,addr=0x10"]
    for n, disk in enumerate([throttled(raw(slow)), raw(good), qemu.SCRATCH_DISK]):
        extra += ["-drive", f"if=none,id=ns{n},{disk}",
                  "-device", f"nvme-ns,bus=many,drive=ns{n},nsid={5 + n}"]
    extra += ["-device", "nvme,serial=none,addr=0x11"]
    with visit(setup("nvme0.timeout=1000", devices=[], extra=extra,
                     nvme=[(raw(other), "addr=0x12")])) as shell:
        text = shell.say("run disk nvme0", r"nvme0: no answer in time; reset with \d+ in flight")
        for line in (r"nvme0: read of 256 sectors at \d+ failed: no answer in time",
                     r"nvme0 could not be read: error 110", r"nvme0: namespace 7: there are too many",
                     r"nvme1: 6000 sectors of 512 bytes, namespace 6 of nvme0",
                     r"nvme2: 6000 sectors of 512 bytes, namespace 1 of nvme2"):
            assert re.search(f"{line}$", text, re.M), text
        shell.hash("nvme1", good)
        shell.copy("nvme1", "nvme2")
        shell.hash("nvme2", good)
        shell.say("run disk nvme3", r"there is no disk 'nvme3'")
    assert other.read_bytes() == good.read_bytes()
