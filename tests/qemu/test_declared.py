# SPDX-License-Identifier: MIT
"""Memory on devices: a bridge has ivshmem's, which is a file here; edu and LSI behind it use it."""
from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest
import qemu
from judge import check_passed
from qemu import BRIDGE, shared_memory
from test_image import compiles

SIZE = 1 << 20
PROMPT = r"^bounce> "
LSI = "lsi53c895a,bus=bridge,addr=3"
DISK = 1_000_448


def can_t_reach(name: str) -> str:
    return rf"dma: {name}: can't reach the [0-9]+ bytes of [0-9a-f:.]+ at 0x[0-9a-f]+, its coherent"


@pytest.fixture
def random_file(tmp_path, seed):
    def make(name: str, size: int) -> Path:
        path = tmp_path / name
        path.write_bytes(random.Random(f"{seed} {name}").randbytes(size))
        return path
    return make


@pytest.fixture
def session(setup):
    """A function that says these lines to the kernel's shell."""
    def run(*lines, **machine):
        with qemu.Guest(setup(**machine)) as guest:
            for line in (*lines, "off"):
                guest.expect(PROMPT)
                guest.send(line.encode() + b"\r")
            result = guest.finish()
        check_passed(result)
        return result
    return run


def pieces(result: qemu.Result):
    """What the guest says that it left in the file."""
    for at, size, digest in re.findall(r"# file ([0-9]+) ([0-9]+) ([0-9a-f]{64})$",
                                       result.serial, re.M):
        yield int(at), int(size), digest


# Who reaches the file depends on where firmware places the BAR: OVMF far above 4 GiB, the others
# below, beyond 28 bits. (What edu reaches above RAM no probe can tell.)
@pytest.mark.parametrize("firmware, machine, mask, edu, lsi", [
    ("pvh", "pc", 32, True, True), ("bios", "q35", 64, True, True), ("pvh", "q35", 28, False, True),
    ("uefi", "pc", 64, True, False), ("uefi", "q35", 32, False, False)])
def test_behind_a_bridge(session, random_file, firmware, machine, mask, edu, lsi):
    """What edu and LSI move is in the file, LSI's tables are; a disk is read with these."""
    file, disk = random_file("shared", SIZE), random_file("disk", DISK)
    before = file.read_bytes()
    *rest, bare_edu = BRIDGE
    result = session("test bridge", "test bridge.moved_by_each", "run disk:lsi0", "devices -m",
                     "log", cmdline=f"edu.probe=off edu.mask={mask}", firmware=firmware,
                     machine=machine, extra=shared_memory(path=file),
                     devices=[*rest, f"{bare_edu},dma_mask={(1 << mask) - 1:#x}", LSI],
                     disks=[f"driver=raw,file.driver=file,file.filename={disk}"])
    assert result.has("^ok 1 bridge") and not result.has(r"^ *not ok"), result.report()
    assert result.sha256("lsi0") == [qemu.sha256(disk)], result.report()
    moved = list(pieces(result))
    moved = moved[len(moved) // 2:]  # of the second time: what the first left may be gone
    assert [size for _, size, _ in moved] == 2 * [1020] * lsi + 2 * [2000] * edu, result.report()
    after = file.read_bytes()
    for at, size, digest in moved:
        assert hashlib.sha256(after[at:at + size]).hexdigest() == digest, result.report()
    for name, reached in (("edu0", edu), ("lsi0", lsi)):
        assert result.has(can_t_reach(name)) != reached, result.report()
        assert result.has(rf"^{name} +00:[0-9a-f.]+ +WC +0x[0-9a-f]+ +(0x[0-9a-f]+) +\1 +1024 KiB "
                          ) == reached, result.report()
    assert result.has(r"^lsi0 +lsi0 +UC +0x[0-9a-f]+ +(0x[0-9a-f]+) +\1 +8 KiB +3$")
    # Of LSI's sixteen tables fourteen have no room on the chip: READ (10)'s command is in them.
    assert (after.count(b"\x28\x00\x00\x00") > before.count(b"\x28\x00\x00\x00")) == lsi
    assert edu or lsi or after == before


@pytest.mark.parametrize("words", [{"extra": shared_memory("4K")},
                                   {"extra": shared_memory("64M"), "cpu": "kvm64,-pat"}])
def test_suite(boot, words):
    check_passed(boot("ktest=bridge exit", devices=BRIDGE, **words))


def test_nobodys_on_the_root_bus(session):
    result = session("devices", "devices -m", "devices -x", extra=shared_memory(),
                     devices=["ivshmem-plain,memdev=shared", "edu", "nvme,serial=1"])
    assert result.has("ivshmem0 ivshmem") and not result.has(" (WC|UC) "), result.report()
    table = re.search(r"^bus .*irq\n(.+\n)+?(?=interrupts)", result.serial, re.M)[0].splitlines()
    irqs = {line[table[0].index("irq"):] for line in table[1:] if re.search(r" [a-z]+\d ", line)}
    assert irqs == {"none", "msi"}, result.report()  # in their column, however long a name is
    assert result.has("devices: .*not '-x'"), result.report()


DECLARE = ('#include "dma/declared.h"\n'
           "uint64_t f(struct dma_io io, bus_addr_t bus, dma_addr_t dma, char *p, uint64_t n);\n"
           "uint64_t f(struct dma_io io, bus_addr_t bus, dma_addr_t dma, char *p, uint64_t n)\n"
           "{ %s; return n; }\n")


@pytest.mark.parametrize("mix", [
    "p = io", "io = p", "memset(io, 0, 4)", "memcpy(p, io, 4)", "*io = 0", "io[0] = 0", "n = io",
    "dma_io_read32(p, 0)", "dma_free_coherent(0, 4, io, dma)", "bus = dma", "dma = bus",
    "dma_gate(0, bus, 4, &n)", "p = dma_alloc_io(0, 4, &dma)",
    "dma_declare_coherent_memory(0, bus, dma, 64, DMA_MEMORY_MAP)"])
def test_device_memory_is_no_plain_memory(build, mix):
    good = compiles(DECLARE % "n += dma_io_read32(io, 4) + bus.value + dma.bus + *p")
    assert good.returncode == 0, good.stderr
    bad = compiles(DECLARE % mix)
    assert bad.returncode != 0 and "error:" in bad.stderr
