# SPDX-License-Identifier: MIT
"""What disks behind an LSI53C895A do that others don't; what all do is in test_disks.py."""
from __future__ import annotations

import random
import re

import pytest
import qemu
from disks import REQUEST, SECTOR, failing, random_image, raw, slow, throttled, visit

LSI = "lsi53c895a"
SIZE = 6_000 * SECTOR


@pytest.fixture
def image(tmp_path, seed):
    """A function that makes a disk of random bytes."""
    def make(name: str, size: int = SIZE):
        return random_image(tmp_path / name, seed, size)
    return make


def scsi(disk, words, n):
    return ["-drive", f"if=none,id=other{n},{disk}", "-device", f"scsi-hd,drive=other{n},{words}"]


@pytest.mark.parametrize("icount", [True, False])
def test_who_is_there(setup, image, icount):
    """Disks of two controllers are one row, and what is none is passed over; more bits than
    the registers have are not claimed; also in real time."""
    first, last = image("first"), image("last")
    extra = ["-device", "lsi53c895a,id=one", "-device", "lsi53c895a,id=two",
             "-device", "scsi-cd,bus=one.0,scsi-id=0", *scsi(raw(first), "bus=one.0,scsi-id=5", 0),
             *scsi(raw(last), "bus=two.0,scsi-id=6", 1),
             *scsi("driver=null-co,size=0", "bus=two.0,scsi-id=3", 2)]
    with visit(setup("lsi.mask=40", devices=[], extra=extra, icount=icount)) as shell:
        shell.say("log", r"warning: .*lsi\.mask=40")
        shell.hash("lsi0", first)
        shell.say("log", r"lsi1: target 3, .*: not usable: \w+")
        shell.hash("lsi1", last)
        shell.copy("lsi0", "lsi1")
        shell.say("run disk lsi2", "no disk 'lsi2'")
    assert last.read_bytes() == first.read_bytes()


def test_beyond_2_tib(setup, tmp_path, seed):
    """READ CAPACITY, READ and WRITE (16): the last sector is where it was written."""
    path, start = tmp_path / "big.img", (5 << 39) + 3_000_000
    data, last = random.Random(seed).randbytes(1_000_000), (3 << 40) - SECTOR
    digest = qemu.hashlib.sha256
    with open(path, "wb") as file:
        file.truncate(3 << 40)
        file.seek(start)
        file.write(data)
    with visit(setup(devices=[LSI], disks=[raw(path)]), suites=True) as shell:
        shell.say(f"run disk lsi0,{start},{len(data)}",
                  rf"^sha256 {digest(data).hexdigest()}  lsi0$")
        shell.say("test disk_lsi.ends_of_the_disk", "^ok 1 disk_lsi$")
        text = shell.say(f"run disk lsi0,{last},{SECTOR}")
    with open(path, "rb") as file:
        file.seek(last)
        data = file.read()
    assert any(data) and f"sha256 {digest(data).hexdigest()}  lsi0\n" in text, text


# --- disks that answer late ---

@pytest.fixture
def slowly(setup):
    """A function that visits with the first disk slow."""
    def run(limit, *disks, words=""):
        extra = [*slow(limit), "-device", LSI]
        for n, disk in enumerate(disks):
            extra += scsi(disk if n else throttled(disk), f"scsi-id={n}", n)
        return visit(setup(words, devices=[], extra=extra))
    return run


def test_an_error_among_many(slowly, image, seed):
    """A read fails while others are in flight, disconnected: the others come through."""
    size, bad = 40 * REQUEST, random.Random(seed).randrange(2_000, 8_000)
    passing, lasting, target = image("passing", size), image("lasting", size), image("target", size)
    first = bad * SECTOR // REQUEST * REQUEST
    before = target.read_bytes()
    with slowly("x-iops-total=240,x-iops-size=16384",
                failing(lasting, f"read_aio,sector={bad}"), raw(target)) as shell:
        shell.refuses("run copy lsi0,lsi1",
                      rf"lsi0: read of 256 sectors at {first // SECTOR} failed: aborted")
    after, data = target.read_bytes(), lasting.read_bytes()
    assert after[:first] == data[:first]
    assert after[first:first + REQUEST] == before[first:first + REQUEST]
    with slowly("x-iops-total=240,x-iops-size=16384",
                failing(passing, f"read_aio,sector={bad},once=on"), raw(target)) as shell:
        assert shell.copy("lsi0", "lsi1") > (1, 1)
    assert target.read_bytes() == passing.read_bytes()


def test_late_answers(slowly, image):
    """Later than the deadline: reset, tried again, given up, each in words; the other works."""
    late, good = image("late", 2 * REQUEST), image("good")
    with slowly("x-iops-total=1,x-iops-size=16384", raw(late), raw(good),
                words="lsi.timeout=1000") as shell:
        shell.refuses("run disk lsi0", r"no answer in time; bus reset with \d+ in flight",
                      r"lsi0: read of 256 sectors at \d+ failed: no answer in time")
        shell.hash("lsi1", good)


def test_slow_answers(slowly, image):
    """Later than a clock says that stands still between interrupts, but in the person's time."""
    source = image("source", 1 << 20)
    with slowly("x-iops-total=24,x-iops-size=16384", raw(source),
                words="lsi.timeout=60000") as shell:
        shell.hash("lsi0", source)
        assert "bus reset" not in shell.say("log")
