# SPDX-License-Identifier: MIT
"""What the README shows is what there is; its figures may be a few commits old."""
from __future__ import annotations

import random
import re
import shlex
import subprocess
import sys

import pytest
import qemu
from conftest import ROOT
from judge import check_passed

README = ROOT / "README.md"
pytestmark = pytest.mark.skipif(not README.exists(), reason="no README")


def words(line):
    """A line without its figures, and as wide as it likes."""
    line = re.sub(r"0x[0-9a-f]+|[0-9a-f]{16,}…?|[0-9][0-9,.]*", "#", line)
    return re.sub(r"[ ─]+", " ", line).strip()


def test_the_run(build):
    shown = README.read_text().split("\n```\n")[1].splitlines()
    done = subprocess.run([sys.executable, ROOT / "tools/run.py", "--build", build, "--file",
                           "LICENSE"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=qemu.PATIENCE, cwd=ROOT)
    ran = [line for line in done.stdout.splitlines() if not line.startswith("stats: ")]
    assert [words(line) for line in ran] == [words(line) for line in shown]


def qemu_args(word: str):
    """What the README's command with this device adds to the machine's words."""
    texts = re.findall(r'QEMU_ARGS="(.*?)"', README.read_text(), re.S)
    (text,) = [text for text in texts if word in text]
    return shlex.split(text.replace("\\\n", " "))


def test_who_uses_which_memory(setup, monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = README.read_text().split("\n```\n")[3].splitlines()
    said = re.findall(r"^ +bounce> (.*)", README.read_text(), re.M)
    with qemu.Guest(setup(firmware="bios", module=README, devices=("edu,dma_mask=0xfffffff",),
                          extra=qemu_args("ivshmem"))) as guest:
        for line in (*said, "off"):
            guest.expect(r"^bounce> ", timeout=60)
            guest.send(line.encode() + b"\r")
        result = guest.finish()
    check_passed(result)
    printed = re.search(r"> devices -m\n(.*?)\nbounce>", result.serial, re.S).group(1).splitlines()
    assert [words(line) for line in printed] == [words(line) for line in shown]


def test_a_disk_is_copied(boot, tmp_path, seed, monkeypatch):
    a, b = tmp_path / "a.img", tmp_path / "b.img"
    a.write_bytes(random.Random(seed).randbytes(1 << 20))
    b.write_bytes(bytes(1 << 20))
    monkeypatch.chdir(tmp_path)
    check_passed(boot("run=copy:lsi0,nvme0 exit", extra=qemu_args("b.img")))
    assert a.read_bytes() == b.read_bytes()


def test_the_line_of_a_failure(boot, module):
    shown = re.search(r"`dma: (edu0: can't map [^`]*)`", README.read_text()).group(1)
    pattern = ".*".join(re.escape(part) for part in re.sub(r"\s+", " ", shown).split("…"))
    assert boot("run=edu exit swiotlb=4K", module=module(10_000)).has(pattern)


def test_the_copy_is_broken():
    """The sed script still finds what it breaks."""
    script, path = re.search(r"sed -i '([^']*)' (\S+)", README.read_text()).groups()
    source = (ROOT / path).read_text()
    broken = subprocess.run(["sed", script, ROOT / path], capture_output=True, text=True,
                            check=True).stdout
    changed = [line for line in broken.splitlines() if line not in source.splitlines()]
    assert len(changed) == 1 and "len - 1" in changed[0]


def test_functions_are_there(build):
    """Where gdb is to stop, and who is named."""
    names = set(re.findall(r"`break (\w+)`|, by (\w+)\+0x", README.read_text()))
    there = {line.split()[2] for line in (build / "bounce.sym").read_text().splitlines()}
    assert names and all((a or b) in there for a, b in names)
