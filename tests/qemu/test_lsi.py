# SPDX-License-Identifier: MIT
"""The LSI53C895A: memory moves, and disks that hold what the host has put there, or fail."""
from __future__ import annotations

import os
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import qemu
from judge import check_passed, check_refused
from pairs import pairwise

LSI = ["lsi53c895a"]
SIZE = 3_000_320  # bytes: 5860 sectors


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


@pytest.fixture
def image(tmp_path, seed):
    """A function that makes a disk of random bytes."""
    def make(name: str = "from.img", size: int = SIZE) -> Path:
        path = tmp_path / name
        path.write_bytes(random.Random(f"{seed} {name}").randbytes(size))
        return path
    return make


@pytest.fixture
def lsi(boot):
    """A function that boots with these disks behind one controller."""
    def run(cmdline, *disks, devices=LSI, **other):
        return boot(f"{cmdline} exit", devices=devices, disks=disks, **other)
    return run


def check_hash(result, path, name="lsi0", start=0, length=None):
    data = path.read_bytes()[start:]
    want = qemu.hashlib.sha256(data if length is None else data[:length]).hexdigest()
    check_passed(result)
    assert result.sha256(name) == [want], result.report()


def check_copy(result, source, target):
    check_passed(result)
    size = source.stat().st_size
    assert target.read_bytes()[:size] == source.read_bytes(), result.report()


def check_balance(result):
    """Nothing mapped is left, whatever failed."""
    live = re.findall(r'"live": (\d+)', result.serial)
    assert live and set(live) == {"0"} and '"used": 0,' in result.serial, result.report()
    assert '"misuse": {}' in result.serial, result.report()
    assert not result.strays, result.report()


# --- memory moves ---

WHERE = {"firmware": ["pvh", "bios"], "machine": qemu.MACHINES, "memory": ["128M", "3G", "6G", "64G"],
         "place": ["high", "low", "shuffle", "edge"]}
# UEFI takes ten times as long to boot, so it has a row a machine.
UEFI = [{"firmware": "uefi", "machine": "pc", "memory": "6G", "place": "high"},
        {"firmware": "uefi", "machine": "q35", "memory": "3G", "place": "shuffle"}]


def name(row):
    return "-".join(map(str, row.values()))


@pytest.mark.parametrize("row", pairwise(WHERE) + UEFI[:1], ids=name)
def test_memory_moves(lsi, module, row):
    data = module(10_001)
    result = lsi(f"run=lsi place={row['place']}", module=data, machine=row["machine"],
                 firmware=row["firmware"], memory=row["memory"])
    check_passed(result, data)


@pytest.mark.parametrize("words", ["swiotlb=off", "swiotlb=1M", "lsi.bounce=force", "lsi.irq=none",
                                   "lsi.mask=28", "lsi.probe=off", "lsi.direct=off"])
def test_memory_moves_with(lsi, module, words):
    data = module(10_001)
    check_passed(lsi(f"run=lsi {words}", module=data), data)


def test_it_drops_high_bits(lsi, module):
    """The direct step goes wrong as it should: 32 bits are all there are, and nobody says so."""
    result = lsi("run=lsi", module=module(), machine="pc")
    assert result.passed and result.has(r"^lsi0: reach 32 bits$"), result.report()
    assert result.has(r"of somebody else's gone"), result.report()


# --- disks ---

@pytest.mark.parametrize("start, length", [(None, None), (0, 1), (511, 2), (512, 512), (131071, 2),
                                           (100_001, 1_000_001), (SIZE - 1, 1), (SIZE, 0)])
def test_hash(lsi, image, start, length):
    path = image()
    part = "" if start is None else f",{start},{length}"
    check_hash(lsi(f"run=disk:lsi0{part}", raw(path)), path, start=start or 0, length=length)


COPIES = {**WHERE, "depth": [1, 2, 16, 64], "piece": ["512", "4K", "7K", "128K", "1M", "4M"]}


@pytest.mark.parametrize("row", pairwise(COPIES) + [{**row, "depth": 16, "piece": "128K"}
                                                    for row in UEFI], ids=name)
def test_copy(lsi, image, row):
    source, target = image(), image("to.img", SIZE + 512_000)
    result = lsi(f"run=copy:lsi0,lsi1,{row['piece']},{row['depth']} place={row['place']}",
                 raw(source), raw(target), machine=row["machine"], firmware=row["firmware"],
                 memory=row["memory"])
    check_copy(result, source, target)
    check_balance(result)


def test_two_controllers(lsi, image):
    source, target = image(), image("to.img")
    extra = ["-device", "lsi53c895a,id=second", "-drive", f"if=none,id=other,{raw(target)}",
             "-device", "scsi-hd,drive=other,bus=second.0,scsi-id=6"]
    check_copy(lsi("run=copy:lsi0,lsi1", raw(source), extra=extra), source, target)


@pytest.mark.parametrize("words", ["lsi.irq=none", "swiotlb=off", "swiotlb=256K",
                                   "lsi.bounce=force", "lsi.mask=27"])
def test_copy_with(lsi, image, words):
    source, target = image(), image("to.img")
    check_copy(lsi(f"run=copy:lsi0,lsi1 {words}", raw(source), raw(target)), source, target)


def test_copy_in_real_time(lsi, image):
    source, target = image(), image("to.img")
    check_copy(lsi("run=copy:lsi0,lsi1", raw(source), raw(target), icount=False), source, target)


def test_a_copy_boots(lsi, boot, build, tmp_path):
    """The proof that anyone understands."""
    copy = tmp_path / "copy.iso"
    shutil.copy(build / "bounce.iso", tmp_path / "source.iso")
    with open(copy, "wb") as file:
        file.truncate((build / "bounce.iso").stat().st_size)
    check_passed(lsi("run=copy:lsi0,lsi1", raw(tmp_path / "source.iso"), raw(copy)))
    check_passed(boot("ktest=sha256 exit", firmware="bios", iso=copy))


def test_sectors_of_4_kib(boot, image):
    source, target = image("from.img", 4096 * 700), image("to.img", 4096 * 701)
    extra = []
    for n, path in enumerate([source, target]):
        extra += ["-drive", f"if=none,id=d{n},{raw(path)}", "-device", f"scsi-hd,drive=d{n},"
                  "logical_block_size=4096,physical_block_size=4096"]
    result = boot("run=copy:lsi0,lsi1 exit", devices=LSI, extra=extra)
    check_copy(result, source, target)


def test_read_beyond_2_tib(lsi, tmp_path, seed):
    """READ (16), READ CAPACITY (16)."""
    path, start = tmp_path / "big.img", (5 << 39) + 3_000_000
    data = random.Random(seed).randbytes(1_000_000)
    with open(path, "wb") as file:
        file.truncate(3 << 40)
        file.seek(start)
        file.write(data)
    result = lsi(f"run=disk:lsi0,{start},{len(data)}", raw(path))
    check_passed(result)
    assert result.sha256("lsi0") == [qemu.hashlib.sha256(data).hexdigest()], result.report()


def test_write_beyond_2_tib(lsi, tmp_path):
    """WRITE (16): the last sector, which the host finds where the kernel says that it wrote."""
    path, last = tmp_path / "big.img", (3 << 40) - 512
    with open(path, "wb") as file:
        file.truncate(3 << 40)
    result = lsi(f"ktest=disk_lsi.ends_of_the_disk run=disk:lsi0,{last},512", raw(path))
    check_passed(result)
    with open(path, "rb") as file:
        file.seek(last)
        data = file.read()
    assert any(data)
    assert result.sha256("lsi0") == [qemu.hashlib.sha256(data).hexdigest()], result.report()


# --- file systems, as their own tools see them ---

def tool(*command) -> None:
    """A tool of the host's, some of which aren't on everybody's path; what it says if it fails."""
    path = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    done = subprocess.run([path or command[0], *map(str, command[1:])], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}"


def make_ext4(path: Path, files: Path) -> None:
    tool("mke2fs", "-q", "-t", "ext4", "-d", files, path)


def make_fat(path: Path, files: Path) -> None:
    tool("mkfs.fat", "-F", "16", path)
    tool("mcopy", "-i", path, "-s", *sorted(files.iterdir()), "::")


@pytest.mark.parametrize("make, check", [(make_ext4, ["e2fsck", "-fn"]),
                                         (make_fat, ["fsck.fat", "-n"])])
def test_file_system(lsi, tmp_path, seed, make, check):
    """Onto a disk of noise; afterwards it is whole, and the same to the last byte."""
    files, drawn = tmp_path / "files", random.Random(seed)
    files.mkdir()
    for n in range(40):
        (files / f"file{n}").write_bytes(drawn.randbytes(drawn.randrange(200_000)))
    source, target = tmp_path / "from.img", tmp_path / "to.img"
    with open(source, "wb") as file:
        file.truncate(24 << 20)
    target.write_bytes(drawn.randbytes(24 << 20))
    make(source, files)
    check_passed(lsi("run=copy:lsi0,lsi1", raw(source), raw(target)))
    tool(*check, target)
    tool("qemu-img", "compare", "-f", "raw", "-F", "raw", source, target)


def test_what_is_no_disk(boot, image, build):
    """A CD-ROM drive between two disks is passed over."""
    source = image()
    extra = ["-device", "scsi-cd,scsi-id=0", "-drive", f"if=none,id=d,{raw(source)}",
             "-device", "scsi-hd,drive=d,scsi-id=5"]
    check_hash(boot("run=disk:lsi0 exit", devices=LSI, extra=extra), source)


@pytest.mark.parametrize("job, message", [
    ("disk:lsi2", r"no disk 'lsi2'"), ("disk:", r"no disk ''"), ("disk:lsi", r"no disk 'lsi'"),
    ("disk:averyverylongname0123456789", r"no disk 'averyverylongname0123456789'"),
    ("disk:lsi0,1", None),
    (f"disk:lsi0,{SIZE},1", rf"lsi0 has {SIZE} bytes"),
    (f"disk:lsi0,1,{SIZE}", rf"lsi0 has {SIZE} bytes"),
    ("disk:lsi0,1,18446744073709551615", rf"lsi0 has {SIZE} bytes"),
    ("disk:lsi0,x", r"lsi0 has"), ("disk:lsi0,0,1,2", r"lsi0 has"),
    ("copy:lsi0", r"no disk ''"), ("copy:lsi0,lsi0", r"don't go to"),
    ("copy:lsi0,lsi1", r"don't go to lsi1"), ("copy:lsi1,lsi0,100", r"don't go to"),
    ("copy:lsi1,lsi0,0", r"don't go to"), ("copy:lsi1,lsi0,8M", r"don't go to"),
    ("copy:lsi1,lsi0,4K,0", r"don't go to"), ("copy:lsi1,lsi0,4K,65", r"don't go to"),
])
def test_what_is_refused(lsi, image, job, message):
    """lsi1 is a sector shorter than lsi0; nothing is written."""
    source, target = image(), image("to.img", SIZE - 512)
    before = target.read_bytes()
    result = lsi(f"run={job}", raw(source), raw(target))
    if message:
        check_refused(result, message)
    else:
        check_passed(result)
    assert target.read_bytes() == before


# --- disks that fail ---

@pytest.mark.parametrize("which, event, what", [
    (0, "read_aio,sector=3000", r"lsi0: read of \d+ sectors at \d+ failed: aborted command"),
    (1, "write_aio,sector=3000", r"lsi1: write of \d+ sectors at \d+ failed: aborted command"),
    (1, "flush_to_disk", r"lsi1: flush failed: aborted command"),
])
def test_an_error(lsi, image, which, event, what):
    paths = [image(), image("to.img")]
    disks = [raw(path) for path in paths]
    disks[which] = failing(paths[which], event)
    source, before = (path.read_bytes() for path in paths)
    result = lsi("run=copy:lsi0,lsi1", *disks)
    check_refused(result, what, r"copy: lsi0 to lsi1 failed")
    check_balance(result)
    after = paths[1].read_bytes()
    for at in range(0, SIZE, 512):  # what was written is right, the rest is untouched
        assert after[at:at + 512] in (source[at:at + 512], before[at:at + 512])
    assert paths[0].read_bytes() == source


@pytest.mark.parametrize("event", ["read_aio,sector=10", "read_aio,sector=3000", "write_aio",
                                   "write_aio,sector=5000", "flush_to_disk"])
def test_an_error_that_passes(lsi, image, event):
    """It is tried again, and nobody notices."""
    paths = [image(), image("to.img")]
    which = int(not event.startswith("read"))
    disks = [raw(path) for path in paths]
    disks[which] = failing(paths[which], event + ",once=on")
    check_copy(lsi("run=copy:lsi0,lsi1", *disks), *paths)


def slow(rate: int):
    """So many pieces of 16 KiB a second, from the first on."""
    return ["-object", f"throttle-group,id=slow,x-iops-total={rate},x-iops-size=16384"]


def throttled(disk: str) -> str:
    return "driver=throttle,throttle-group=slow," + ",".join("file." + word
                                                             for word in disk.split(","))


@pytest.fixture
def slowly(build, seed):
    """A function that boots with the first disk throttled."""
    def run(cmdline, rate, *disks):
        setup = qemu.Setup(build=build, cmdline=f"seed={seed} {cmdline} exit", devices=(),
                           extra=[*slow(rate), "-device", *LSI])
        for n, disk in enumerate(disks):
            disk = throttled(disk) if n == 0 else disk
            setup.extra += ["-drive", f"if=none,id=disk{n},{disk}",
                            "-device", f"scsi-hd,drive=disk{n}"]
        return qemu.run(setup)
    return run


@pytest.mark.parametrize("once", ["on", "off"])
def test_an_error_among_many(slowly, image, once):
    """A read fails while others are in flight, disconnected: the others come through."""
    source, target = image("from.img", 8_000_000 // 512 * 512), image("to.img", 8_000_000)
    error = f"read_aio,sector=6000,once={once}"
    result = slowly("run=copy:lsi0,lsi1", 240, failing(source, error), raw(target))
    assert result.has(r"bus reset with \d\d? in flight"), result.report()
    check_balance(result)
    if once == "on":
        check_copy(result, source, target)
    else:
        check_refused(result, r"lsi0: read of 256 sectors at 5888 failed")


def test_late_answers(slowly, image):
    """Later than the deadline: reset, tried again, given up, each in words."""
    source = image("from.img", 1 << 18)
    result = slowly("run=disk:lsi0 lsi.timeout=1000", 1, raw(source))
    check_refused(result, r"no answer in time; bus reset with \d+ in flight",
                  r"lsi0: read of 256 sectors at \d+ failed: no answer in time")
    check_balance(result)


def test_slow_answers(slowly, image):
    """Later than a clock says that stands still between interrupts, but in the person's time."""
    source = image("from.img", 1 << 20)
    result = slowly("run=disk:lsi0", 24, raw(source))
    check_hash(result, source)
    assert not result.has("bus reset"), result.report()


# --- what reached the medium, and when ---

FLUSH = 1


def log_entries(path: Path):
    """(flags, first byte, data) in order, as QEMU's blklogwrites has written them."""
    log = path.read_bytes()
    magic, version, count, sector = struct.unpack_from("<QQQI", log)
    assert (magic, version) == (0x6a736677736872, 1)
    at = sector
    for _ in range(count):
        where, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
        data = log[at + sector:at + sector + sectors * sector]
        yield flags, where * sector, data
        at += sector + len(data)


def test_data_before_flush(lsi, image, tmp_path):
    source, target = image(), image("to.img")
    log = tmp_path / "writes.log"
    log.touch()
    disk = f"driver=blklogwrites,file.driver=file,file.filename={target},log.driver=file," \
           f"log.filename={log}"
    check_copy(lsi("run=copy:lsi0,lsi1", raw(source), disk), source, target)
    entries = list(log_entries(log))
    first_flush = next(n for n, (flags, _, _) in enumerate(entries) if flags & FLUSH)
    written = bytearray(SIZE)
    for flags, at, data in entries[:first_flush]:
        written[at:at + len(data)] = data
    assert bytes(written) == source.read_bytes()
    assert all(not data for _, _, data in entries[first_flush:])
