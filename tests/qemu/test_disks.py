# SPDX-License-Identifier: MIT
"""Disks on both controllers: what is read, copied and written, wherever the kernel runs, is what
the host has in its files; and disks that fail say so, and harm nobody else."""
from __future__ import annotations

import os
import random
import re
import shutil

import pytest
import qemu
from disks import (FLUSH, REQUEST, SECTOR, Monitor, failing, log_entries, logged, random_image,
                   raw, same, slow, throttled, tool, visit)
from judge import check_passed
from pairs import pairwise

LSI = "lsi53c895a"
SIZE = 6_000 * SECTOR  # not a whole number of requests
SMALL = 1_001 * SECTOR
LARGE = 9_300 * SECTOR  # more than the largest request


@pytest.fixture
def image(tmp_path, seed):
    """A function that makes a disk of random bytes."""
    def make(name: str, size: int = SIZE):
        return random_image(tmp_path / name, seed, size)
    return make


# --- everywhere ---

FACTORS = {
    "machine": ("pc", "q35"),
    "firmware": ("pvh", "bios", "uefi"),
    "memory": ("128M", "3G", "6G", "64G"),
    "place": ("high", "shuffle", "edge"),
    "lsi": ("", "lsi.irq=none lsi.direct=off", "lsi.bounce=force", "lsi.mask=27 lsi.probe=off"),
    "nvme": ("", "nvme.irq=none", "nvme.irq=intx", "nvme.mask=30 nvme.bounce=force"),
    "pool": ("", "swiotlb=off", "swiotlb=8M"),
    "cmb": ("mdts=1", "cmb_size_mb=1,mdts=0", "cmb_size_mb=64", "cmb_size_mb=1,legacy-cmb=on"),
    "small": ("512", "4K", "7K"),
    "large": ("128K", "1M", "4M"),
    "depth": (1, 2, 16, 64),
}


def allowed(row):
    """UEFI takes ten times as long to boot: it has rows for what it decides, which is where memory
    is, the devices' too. Nothing can bounce without a pool. Many pages at the edge of what a device
    reaches are slow to find."""
    other = {"lsi": "", "nvme": "", "pool": "", "small": "4K", "large": "128K", "depth": 2}
    plain = all(row.get(name, value) == value for name, value in other.items())
    bounces = "bounce" in row.get("lsi", "") + row.get("nvme", "")
    return ((plain or row.get("firmware") != "uefi")
            and not (bounces and row.get("pool") == "swiotlb=off")
            and not (row.get("place") == "edge" and row.get("depth", 0) > 2))


def name(row):
    return "-".join(re.sub("[a-z_]+[.=]", "", str(value)) or "plain" for value in row.values())


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        rows = pairwise(FACTORS, allowed, metafunc.config.seed)
        metafunc.parametrize("row", rows, ids=name)


def through(shell, device, module):
    """A file through it and back, seen at both ends. Returns the report."""
    text = shell.say(f"run {device}")
    for way in ("in", "out"):
        assert f"sha256 {qemu.sha256(module)}  {way}\n" in text, text
    return text[text.index(f"{device}0: the file is "):]


def words_of(report, device):
    """Line by line, without numbers and drawings."""
    return [re.findall(r"\b[a-z]+\b", re.sub(r"\S*\d\S*", "", line))
            for line in re.sub(rf"\b{device}0?\b", "it", report).split("\n")]


@pytest.mark.parametrize("memory", ["128M", "6G"])
def test_one_report(setup, module, memory):
    """Of LSI as of edu; with 32 bits it goes wrong as it should, and nobody outside says so."""
    data = module(10_001)
    place = setup(module=data, memory=memory, devices=["edu,dma_mask=0xffffffff", LSI])
    with visit(place, suites=True) as shell:
        edu, lsi = (through(shell, device, data) for device in ("edu", "lsi"))
    assert words_of(edu, "edu") == words_of(lsi, "lsi")
    assert ("of somebody else's gone" in lsi) == (memory == "6G"), lsi


def check_device_memory(shell, row):
    """Where the controller's own is for whom: LSI uses its bus address, NVMe one of its own."""
    text = shell.say("devices -m") + shell.say("log")
    assert re.search(r"^lsi0 +lsi0 +\w\w +0x[0-9a-f]+ +(0x[0-9a-f]+) +\1 +8 KiB +[1-9]", text,
                     re.M), text
    match = re.search(r"^nvme0 +nvme0 +WC +\S+ +(\S+) +(\S+) +\d+ KiB +(?:[4-9]|\d\d+)$", text,
                      re.M)
    assert bool(match) == ("cmb" in row["cmb"]), text
    if match:  # where no CPU has an address, unless it's too old to be told
        bus, own = match.groups()
        assert own == (bus if "legacy" in row["cmb"] else hex(1 << 52)), text


def test_everywhere(setup, image, module, row):
    """A file through LSI as through edu; copies from each kind of disk to each."""
    first, second = image("first.img", SMALL), image("second.img", LARGE)
    beyond = second.read_bytes()[SMALL:]
    to_lsi, to_nvme = image("to-lsi.img", LARGE), image("to-nvme.img", LARGE)
    data = module(10_001)
    place = setup(f"place={row['place']} {row['lsi']} {row['nvme']} {row['pool']}", module=data,
                  machine=row["machine"], firmware=row["firmware"], memory=row["memory"],
                  devices=[LSI], disks=[raw(first), raw(to_lsi)],
                  nvme=[(raw(second), row["cmb"]), (raw(to_nvme), "")])
    small, large, depth = row["small"], row["large"], row["depth"]
    with visit(place, suites=True) as shell:
        through(shell, "lsi", data)
        shell.copy("lsi0", "lsi1", small, depth)
        shell.hash("lsi1", first, 0, SMALL)
        shell.copy("lsi0", "nvme0", small, depth)
        shell.copy("nvme0", "lsi1", large, depth)
        shell.copy("lsi1", "nvme1", large, depth)
        shell.hash("nvme1", second, SMALL - 300, 2 * REQUEST)
        check_device_memory(shell, row)
    assert second.read_bytes() == first.read_bytes() + beyond
    for copy in (to_lsi, to_nvme):
        same(second, copy)


# --- what is asked for ---

def test_parts(setup, image):
    """Any bytes of any disk; what isn't there, or goes nowhere, is refused, and nothing is written.
    lsi1 and nvme1 are a sector too short."""
    paths = {name: image(name, SIZE - SECTOR * ("1" in name))
             for name in ("lsi0", "lsi1", "nvme0", "nvme1")}
    disks = [raw(path) for path in paths.values()]
    place = setup(devices=[LSI], disks=disks[:2], nvme=[(disk, "") for disk in disks[2:]])
    with visit(place) as shell:
        for disk in ("lsi0", "nvme0"):
            for start, length in [(0, -1), (0, 1), (511, 2), (512, 512), (4095, REQUEST + 2),
                                  (REQUEST - 1, 2), (100_001, 1_000_001), (SIZE - 1, 1), (SIZE, 0)]:
                shell.hash(disk, paths[disk], start, length)
            for part in (f"{SIZE},1", f"1,{SIZE}", f"{SIZE + 1}", "1,18446744073709551615",
                         "18446744073709551615", "x", "0,1,2"):
                shell.refuses(f"run disk {disk},{part}", rf"^{disk} has {SIZE} bytes")
        for job in ("disk", "disk ,1", "copy", "copy lsi0", "copy lsi0,,4K"):
            shell.refuses(f"run {job}", "^which disk")
        for other in ("lsi2", "nvme2", "lsi", "0", "averyverylongname0123456789"):
            shell.refuses(f"run disk {other},", rf"no disk '{other}'")
            shell.refuses(f"run copy lsi0,{other},4K", rf"no disk '{other}'")
        for job in ("lsi0,lsi0", "lsi0,lsi1", "lsi0,nvme1", "nvme0,lsi1", "lsi1,nvme0,100",
                    "nvme1,lsi0,0", "lsi1,lsi0,8M", "nvme1,nvme0,4K,0", "lsi1,nvme0,4K,65",
                    "lsi1,nvme0,4K,1,1"):
            shell.refuses(f"run copy {job}", r"don't go to")
    for disk, path in paths.items():
        assert path.read_bytes() == image(disk, path.stat().st_size).read_bytes()


def test_sectors_of_4_kib(setup, image):
    """On both sides, and on one: pieces of 512 bytes then go nowhere."""
    first, second = image("first.img", 700 * 4096), image("second.img", 701 * 4096)
    small, large = "", "logical_block_size=4096,physical_block_size=4096"
    extra = []
    for n, path in enumerate([first, image("to-lsi.img", 701 * 4096)]):
        extra += ["-drive", f"if=none,id=d{n},{raw(path)}",
                  "-device", f"scsi-hd,drive=d{n},{large}"]
    with visit(setup(devices=[LSI], extra=extra, nvme=[
            (raw(second), large), (raw(image("to-nvme.img", 701 * 4096)), small)])) as shell:
        shell.copy("lsi0", "lsi1")
        shell.copy("lsi1", "nvme0", "28K", 5)
        shell.refuses("run copy nvme0,nvme1,512", "don't go to")
        shell.copy("nvme0", "nvme1", "4K", 64)
        assert shell.copy("nvme0", "nvme1", "4K", 1) == (1, 1)
        shell.hash("nvme0", second, 511, 4097)
    assert second.read_bytes()[:700 * 4096] == first.read_bytes()
    same(second, second.with_name("to-lsi.img"))
    same(second, second.with_name("to-nvme.img"))


# --- as others see them ---

def make_ext4(path, files):
    tool("mke2fs", "-q", "-t", "ext4", "-d", files, path)


def make_fat(path, files):
    tool("mkfs.fat", "-F", "16", path)
    tool("mcopy", "-i", path, "-s", *sorted(files.iterdir()), "::")


def test_file_systems(setup, image, tmp_path, seed):
    """Onto disks of noise, on and on; afterwards they are whole, and the same to the last byte."""
    files, drawn, size = tmp_path / "files", random.Random(seed), 10 << 20
    files.mkdir()
    for n in range(40):
        (files / f"file{n}").write_bytes(drawn.randbytes(drawn.randrange(200_000)))
    ext4, fat = tmp_path / "ext4.img", tmp_path / "fat.img"
    for path, make in ((ext4, make_ext4), (fat, make_fat)):
        path.touch()
        os.truncate(path, size)
        make(path, files)
    copies = [image(f"copy{n}.img", size) for n in range(4)]
    with visit(setup(devices=[LSI], disks=[raw(ext4), raw(copies[0]), raw(copies[1])], nvme=[
            (raw(fat), ""), (raw(copies[2]), "cmb_size_mb=1"), (raw(copies[3]), "")])) as shell:
        for source, target in (("lsi0", "nvme1"), ("nvme1", "lsi1"), ("nvme0", "lsi2"),
                               ("lsi2", "nvme2")):
            shell.copy(source, target)
            shell.hash(source, ext4 if source in ("lsi0", "nvme1") else fat)
    for target in (copies[0], copies[2]):
        tool("e2fsck", "-fn", target)
        same(ext4, target)
    for target in (copies[1], copies[3]):
        tool("fsck.fat", "-n", target)
        same(fat, target)


def test_a_copy_boots(setup, boot, build, tmp_path):
    """The proof that anyone understands. Each then hashes the disk that it came from."""
    source = tmp_path / "source.img"
    shutil.copy(build / "bounce.iso", source)
    copies = [tmp_path / f"copy{n}.img" for n in range(2)]
    for path in copies:
        path.touch()
        os.truncate(path, source.stat().st_size)
    with visit(setup(devices=[LSI], disks=[raw(source), raw(copies[0])],
                     nvme=[(raw(copies[1]), "cmb_size_mb=1")])) as shell:
        shell.copy("lsi0", "nvme0")
        shell.copy("nvme0", "lsi1")
    for name, there in (("lsi0", {"devices": [LSI], "disks": [raw(copies[0])]}),
                        ("nvme0", {"nvme": [(raw(copies[1]), "")]})):
        result = boot(f"ktest=sha256 run=disk:{name} exit", firmware="bios", from_disk=True,
                      **there)
        check_passed(result)
        assert result.sha256(name) == [qemu.sha256(source)], result.report()


# --- disks that are slow, or fail ---

def test_a_pool_that_others_hold(setup, image):
    """A slow disk's writes hold all of it: what is to be read next waits for them."""
    first, second, target = image("first"), image("second"), image("target")
    limit = slow("x-iops-total=8,x-iops-size=131072")
    with visit(setup("swiotlb=1M,force", devices=[LSI], disks=[raw(first)], extra=limit,
                     nvme=[(throttled(raw(target)), ""), (raw(second), "")])) as shell:
        shell.copy("lsi0", "nvme0")
        same(first, target)
        shell.copy("nvme1", "nvme0")
    same(second, target)


READ_FAILS = {"lsi": r"aborted command \(sense b/", "nvme": "unrecovered read error"}
WRITE_FAILS = {"lsi": r"aborted command \(sense b/", "nvme": "write fault"}
GONE = {"lsi": r"not ready \(sense 2/3a/", "nvme": "unrecovered read error"}


def check_log(log, data):
    """Of a copy that was just said to be done: all of it was written, then there was a flush."""
    entries = list(log_entries(log))
    flush = next(n for n, (flags, _, _) in enumerate(entries) if flags & FLUSH)
    written = bytearray(len(data))
    for _, at, piece in entries[:flush]:
        written[at:at + len(piece)] = piece
    assert written == data and not any(piece for _, _, piece in entries[flush:])


@pytest.mark.parametrize("kind", ["lsi", "nvme"])
def test_disks_that_fail(setup, image, tmp_path, seed, kind):
    """Each says so, by name and reason. What passes when it's tried again nobody notices; data is
    on the medium, then a flush, before success is reported."""
    good, reads, writes, flushes, once, written = (
        image(name) for name in ("good", "reads", "writes", "flushes", "once", "written"))
    short, log, monitor = image("short"), tmp_path / "log", Monitor(tmp_path)
    data, before = good.read_bytes(), writes.read_bytes()
    bad = random.Random(seed).randrange(1_000, 5_000)
    first = bad * SECTOR // REQUEST * REQUEST
    failed = rf"of 256 sectors at {first // SECTOR} failed: "
    disks = [raw(good), failing(reads, f"read_aio,sector={bad}"),
             failing(writes, f"write_aio,sector={bad}"), failing(flushes, "flush_to_disk"),
             failing(once, "read_aio,sector=10,once=on", f"write_aio,sector={bad},once=on",
                     "flush_to_disk,once=on"), raw(short), logged(written, log)]
    there = {"disks": disks, "devices": [LSI]} if kind == "lsi" else {
        "nvme": [(disk, "") for disk in disks], "devices": []}
    with visit(setup(extra=monitor.words, **there)) as shell:
        shell.refuses(f"run disk {kind}1", rf"error: {kind}1: read {failed}{READ_FAILS[kind]}",
                      rf"^{kind}1 could not be read: error 5")
        shell.hash(f"{kind}1", reads, 0, first)
        shell.refuses(f"run copy {kind}0,{kind}2",
                      rf"error: {kind}2: write {failed}{WRITE_FAILS[kind]}",
                      rf"^copy: {kind}0 to {kind}2 failed: error 5")
        shell.refuses(f"run copy {kind}0,{kind}3",
                      rf"error: {kind}3: flush failed: {WRITE_FAILS[kind]}",
                      rf"^copy: {kind}0 to {kind}3 failed: error 5")
        shell.copy(f"{kind}0", f"{kind}4")
        shell.hash(f"{kind}4", good)
        shell.copy(f"{kind}0", f"{kind}6")
        check_log(log, data)
        if kind == "lsi":  # QEMU lets nobody shorten the other's, so the suite asks for too much
            monitor.say("block_resize disk5 1M")
            shell.hash("lsi5", short, 0, 1 << 20)
            shell.refuses("run disk lsi5", r"error: lsi5: read of \d+ sectors at \d+ failed: "
                          r"(illegal request|aborted command) \(sense ", r"^lsi5 could not be read: error 5")
        monitor.say(f"drive_del {'disk' if kind == 'lsi' else 'nvme'}5")
        shell.refuses(f"run disk {kind}5",
                      rf"error: {kind}5: read of 256 sectors at \d+ failed: {GONE[kind]}")
        shell.hash(f"{kind}0", good)
    assert once.read_bytes() == flushes.read_bytes() == good.read_bytes() == data
    assert reads.read_bytes() == image("reads").read_bytes()
    after = writes.read_bytes()
    assert after[:first] == data[:first]
    assert after[first:first + REQUEST] == before[first:first + REQUEST]
    for at in range(first + REQUEST, SIZE, REQUEST):  # asked for at the same time, or never
        assert after[at:at + REQUEST] in (data[at:at + REQUEST], before[at:at + REQUEST])
