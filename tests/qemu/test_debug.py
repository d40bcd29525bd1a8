# SPDX-License-Identifier: MIT
"""`make debug` in batch mode, and gdb's helpers held against the kernel's own words."""
from __future__ import annotations

import re
import subprocess
import sys

import pytest
import qemu
from conftest import ROOT

PROMPT = r"^bounce> "

# Stop where a run is first taken and mapped, then watch it: the next to write there is the copy
# of the next mapping.
WATCH_A_SLOT = """
import gdb

def run(command):
    print(gdb.execute(command, to_string=True))

run("break map_from_index")
run("continue")
run("backtrace")
gdb.execute("finish", to_string=True)
slot = int(gdb.parse_and_eval("$.bus"))
print(f"slot {slot:#x}")
run(f"watch *(unsigned long *){0xffff800000000000 + slot:#x}")
run("continue")
run("backtrace")
run("bounce mappings")
run("bounce log")
"""


@pytest.fixture
def debug(build, tmp_path, module):
    """A function that runs gdb commands, in Python, as `make debug` would; returns the output."""
    def run(commands: str) -> str:
        script = tmp_path / "commands.py"
        script.write_text(commands)
        return subprocess.run(
            [sys.executable, ROOT / "tools/debug.py", "--build", build, "--file", module(6_000),
             "--batch", script, "--serial", tmp_path / "serial"],
            capture_output=True, text=True, timeout=qemu.PATIENCE, check=True, cwd=ROOT).stdout
    return run


def test_breakpoint_backtrace_and_watched_slot(debug):
    output = debug(WATCH_A_SLOT)
    before, after = output.split("\nslot ")
    assert "stopped at the first 64-bit instruction" in before
    assert re.search(r"^#0 +map_from_index \(", before, re.M), output
    assert re.search(r"^#[0-9]+ .*\bkmain \(", before, re.M), output
    slot = after.split()[0]
    assert re.search(rf"^{slot} for 0x[0-9a-f]+, 4095 bytes, [a-z ]+, edu0$", after, re.M), output
    assert "1 mappings" in after
    assert re.search(r"[Ww]atchpoint [0-9]+: [^\n]*\n+Old value", after), output
    assert re.search(r"^#[0-9]+ .*\bport_copy \(", after, re.M), output
    assert "edu0: at" in after, "the log\n" + output


def ask_shell(guest: qemu.Guest, line: str) -> str:
    begin = len(qemu.clean(bytes(guest.serial)))
    guest.send(line.encode() + b"\r")
    guest.expect(PROMPT)
    return qemu.clean(bytes(guest.serial))[begin:]


def ask_gdb(build, socket, *commands: str) -> str:
    words = ["gdb", "-q", "-nx", "-batch", "-ex", "set pagination off",
             "-ex", f"target remote {socket}", "-ex", f"source {ROOT}/tools/gdb/bounce.py"]
    for command in commands:
        words += ["-ex", command]
    return subprocess.run([*words, str(build / "bounce.elf")], capture_output=True, text=True,
                          timeout=qemu.PATIENCE, check=True).stdout


def numbers(text: str, *patterns: str):
    """What each pattern's groups hold, as numbers."""
    found = []
    for pattern in patterns:
        match = re.search(pattern, text)
        assert match, f"no {pattern!r} in:\n{text}"
        found += [int(group, 0) for group in match.groups()]
    return found


POOL = (r"pool (0x[0-9a-f]+) to (0x[0-9a-f]+), ([0-9]+) slots",
        r"used ([0-9]+), high water ([0-9]+), longest free run ([0-9]+)",
        r"mappings ([0-9]+), bytes in ([0-9]+), bytes out ([0-9]+)")
FREE = r"(?:DMA|NORMAL) .* ([0-9]+) KiB"


def blocks(text: str, name: str):
    """Free blocks by order: the line that holds nothing else behind the name."""
    line = re.search(rf"^ *{name}:?((?: +[0-9]+)+)$", text, re.M)
    assert line, f"no {name!r} in:\n{text}"
    return [int(n) for n in line.group(1).split()]


def test_slots_that_were_left_are_nobodys(setup, build, tmp_path):
    """By gdb's hand: a device that leaves some is a bug."""
    socket = tmp_path / "gdb"
    with qemu.Guest(setup(extra=["-gdb", f"unix:{socket},server=on,wait=off"])) as guest:
        guest.expect(PROMPT)
        assert "slots held" not in ask_shell(guest, "swiotlb")
        ask_gdb(build, socket, "set var machine.dma.nobody.count.slots.high = 3")
        assert re.search(r"^slots held: 3 nobody$", ask_shell(guest, "swiotlb"), re.M)
        guest.send(b"off\r")
        assert guest.finish().passed


def test_helpers_agree_with_the_kernel(setup, build, module, tmp_path):
    socket = tmp_path / "gdb"
    machine = setup("run=edu", module=module(6_000),
                    extra=["-gdb", f"unix:{socket},server=on,wait=off"])
    with qemu.Guest(machine) as guest:
        guest.expect(PROMPT)
        pool, zones, log = (ask_shell(guest, line) for line in ("swiotlb", "zones", "log 3"))
        output = ask_gdb(build, socket, "bounce swiotlb", "bounce zones", "bounce mappings",
                         "bounce log 3")
        guest.send(b"off\r")
        assert guest.finish().passed
    assert numbers(output, *POOL) == numbers(pool, *POOL)
    assert numbers(output, *POOL)[6] > 0, "something was bounced\n" + output
    by_order = re.findall(r"free blocks by order: (.*)", output)
    assert [[int(n) for n in line.split()] for line in by_order] == [
        blocks(zones, "DMA"), blocks(zones, "NORMAL")]
    assert blocks(output, "in caches") == blocks(zones, "in caches")
    assert re.findall(FREE, output) == re.findall(FREE, zones)
    assert output.count("refused: none") == 3
    assert "\n0 mappings" in output
    said = re.findall(r"^\[ .*$", log, re.M)
    assert len(said) == 3 and "\n".join(said) in output
