# SPDX-License-Identifier: MIT
"""The image and the build: size, format, instructions, what is rebuilt, what doesn't compile."""
from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import qemu
from conftest import ROOT
from judge import check_cases, check_passed

PT_LOAD = 1


def segments(path):
    """(type, flags, virtual, physical, file size, memory size) of an ELF64's program headers."""
    image = path.read_bytes()
    offset, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for i in range(count):
        kind, flags, _, virtual, physical, in_file, in_memory, _ = struct.unpack_from(
            "<IIQQQQQQ", image, offset + i * size)
        yield kind, flags, virtual, physical, in_file, in_memory


def loaded(build):
    return [s for s in segments(build / "bounce.elf") if s[0] == PT_LOAD]


def test_image_is_small(build):
    start = min(physical for _, _, _, physical, _, _ in loaded(build))
    end = max(physical + size for _, _, _, physical, _, size in loaded(build))
    assert end - start < 1 << 20, f"{end - start} bytes are loaded"
    assert start == 16 << 20, "ZONE_DMA stays free"


def test_no_segment_is_writable_and_executable(build):
    assert [flags for _, flags, *_ in loaded(build) if flags & 3 == 3] == []


def test_is_multiboot2(build):
    subprocess.run(["grub-file", "--is-x86-multiboot2", build / "bounce.elf"], check=True)


def test_no_vector_instruction(build):
    found = [line for line in (build / "bounce.lst").read_text(errors="replace").splitlines()
             if re.match(r"\s*[0-9a-f]+:\t", line) and re.search(r"%([xyz]?mm[0-9]|st\b)", line)]
    assert found == []


# What came after x86-64 v1 (System V ABI, AMD64 supplement, section 3.1.1). tzcnt is spelled
# "rep bsf" by a compiler that can do without it, and shown under its name.
LATER = (r"cmpxchg16b|popcnt|lzcnt|movbe|andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx"
         r"|s[ah][lr]x|xgetbv|xsave|(rd|wr)[fg]sbase|rdtscp|invpcid|rdrand|rdseed|adcx|adox")


def test_no_instruction_of_later_cpus(build):
    found = [line for line in (build / "bounce.lst").read_text(errors="replace").splitlines()
             if re.match(rf"\s*[0-9a-f]+:\t[0-9a-f ]+\t({LATER})", line)]
    assert found == []


def test_first_test_line_comes_soon(boot):
    """Under 0.3 s by PVH, of QEMU's own time; the best of some, for others share the caches."""
    times = [boot("ktest=string exit", icount=False).first_ktap for _ in range(4)]
    assert min(t for t in times if t is not None) < 0.3, times


def test_host_arguments_are_appended(boot):
    result = boot("ktest=all", extra=["-fw_cfg", "name=opt/bounce/cmdline,string=exit"])
    check_cases(result)
    assert result.passed, result.report()


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_grub_hands_over_words_and_a_module(build, module, tmp_path, firmware):
    """Without fw_cfg, as on a machine: a command line in grub.cfg, and module2."""
    data, iso = module(10_000), tmp_path / "with module.iso"
    subprocess.run(["sh", ROOT / "tools/iso.sh", iso, build / "bounce.elf",
                    "run=edu exit loglevel=info", data], check=True)
    setup = qemu.Setup(firmware=firmware, iso=iso, icount=False)
    check_passed(qemu.run(setup), data)


def test_compile_commands(build):
    files = {entry["file"] for entry in json.loads((ROOT / "compile_commands.json").read_text())}
    assert {"kernel/main.c", "dma/map.c", "tests/ktest.c"} <= files
    assert all((ROOT / file).exists() and (build / f"{file}.o").exists() for file in files)


def compiler(source):
    """The build's own words for compiling one file, up to the file."""
    entries = json.loads((ROOT / "compile_commands.json").read_text())
    command = next(e["command"] for e in entries if e["file"] == source)
    words = shlex.split(command)
    return [w for w in words[:words.index("-c")] if w not in ("-MMD", "-MP")]


def compiles(text):
    words = compiler("dma/limits.c") + ["-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(words, input=text, cwd=ROOT, capture_output=True, text=True)


DECLARE = ('#include "dma/dma.h"\nuint64_t f(dma_addr_t d, phys_addr_t p, uint64_t n);\n'
           "uint64_t f(dma_addr_t d, phys_addr_t p, uint64_t n)\n{ %s; return n; }\n")


@pytest.mark.parametrize("mix", ["d = p", "p = d", "n = d", "n = p", "d = n", "p = n", "d == d",
                                 "n += d", "dma_gate(0, p, n, &n)", "pages_free(0, d, 0)",
                                 "dma_mapping_error(0, p)", "d = (dma_addr_t)n"])
def test_addresses_do_not_mix(build, mix):
    good = compiles(DECLARE % "n += d.bus + p.value")
    assert good.returncode == 0, good.stderr
    bad = compiles(DECLARE % mix)
    assert bad.returncode != 0 and "error:" in bad.stderr


@pytest.fixture
def tree(tmp_path, build):
    """A copy of the sources, to build in."""
    ignore = shutil.ignore_patterns("__pycache__", ".*", "build", build.name)
    return Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=ignore))


def make(tree, *words):
    # The outer make's flags and variables are none of this one's.
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "CC", "CROSS")}
    made = subprocess.run(["make", "--no-print-directory", *words], cwd=tree, env=env,
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return made


def compiled(tree, *words):
    """The objects that `make` had to make, by what they are made of."""
    def objects():
        return {str(p.relative_to(tree / "build")): p.stat().st_mtime_ns
                for p in (tree / "build").rglob("*.o")}
    before = objects()
    make(tree, *words)
    return {name[:-2] for name, time in objects().items() if before.get(name) != time}


def test_only_what_depends_is_rebuilt(tree):
    image = "build/bounce.elf"
    assert {"mm/memmap.c", "kernel/main.c", "boot/entry.S"} <= compiled(tree, "-j2", image)
    assert compiled(tree, image) == set()
    (tree / "mm/memmap.c").touch()
    assert compiled(tree, image) == {"mm/memmap.c", "symbols"}
    (tree / "dma/swiotlb.h").touch()
    again = compiled(tree, image)
    assert {"dma/swiotlb.c", "kernel/memory.c"} <= again
    assert not {"mm/memmap.c", "kernel/printf.c", "boot/pvh.c"} & again
    assert compiled(tree, "build/mm/memmap.c.o", "WERROR=1") == {"mm/memmap.c"}, "other flags"
