# SPDX-License-Identifier: MIT
"""The referee is not blind: what goes wrong is seen from outside."""
from __future__ import annotations

import hashlib
import subprocess
import sys

import ktap
import pytest
from conftest import ROOT
from qemu import PATIENCE, Result

CLAMP = b"EDU: clamping DMA 0x0000000100000000 to 0x0000000000000000!"
PLANT = "edu.probe=off edu.mask=32 edu.direct=off place=edge"
WANT = hashlib.sha256(b"data").hexdigest()
SERIAL = f"sha256 {WANT}  in\nsha256 {WANT}  out\nclamps 2\nbounce: exit 0\n"


def made(serial=SERIAL, rc=1, stdout=CLAMP * 2, log=b""):
    return Result(command=["qemu"], rc=rc, serial=serial, stdout=stdout, log=log)


def test_planted_clamp(boot, module):
    """Told that 28 bits are 32, the kernel really goes too far: QEMU sees it, the kernel can't."""
    result = boot(f"run=edu exit {PLANT}", module=module())
    assert result.clamps_outside > result.clamps_inside, result.report()
    assert list(result.complaints())
    assert not result.passed


def test_planted_clamp_fails_make_run(build, module):
    run = subprocess.run(
        [sys.executable, ROOT / "tools/run.py", "--build", build, "--file", module(),
         "--firmware", "pvh", "--args", PLANT],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1
    assert "FAILED: QEMU reported" in run.stdout


def test_agreement():
    assert made().passed and not list(made().complaints(WANT))


@pytest.mark.parametrize("stdout, log", [(CLAMP * 3, b""), (CLAMP, b""), (b"", CLAMP * 3),
                                         (CLAMP * 2, CLAMP), (b"", b"")])
def test_clamps_differ(stdout, log):
    assert list(made(stdout=stdout, log=log).complaints(WANT))


def test_clamps_of_later_releases():
    assert not list(made(stdout=b"", log=CLAMP + b"\n" + CLAMP).complaints(WANT))


def test_strays():
    stray = b"Invalid read at addr 0x80000000, size 4, region '(null)', reason: rejected"
    assert made(log=CLAMP + b"\n" + stray + b"\n").strays == [stray.decode()]
    assert made(log=CLAMP + b"\n").strays == made(log=b"").strays == []


@pytest.mark.parametrize("old, new", [("  in", "  on"), (f"{WANT}  out", "0" * 64 + "  out"),
                                      ("clamps 2\n", "")])
def test_serial_differs(old, new):
    assert list(made(SERIAL.replace(old, new)).complaints(WANT))


@pytest.mark.parametrize("serial, rc", [
    (SERIAL, 0),  # a triple fault under -no-reboot
    (SERIAL, 3),
    (SERIAL.replace("exit 0", "exit 1"), 1),
    (SERIAL + "one line more\n", 1),
    ("", 1),  # QEMU couldn't start
])
def test_not_passed(serial, rc):
    assert not made(serial, rc).passed


GOOD = """\
[    0.000001] a line of the log
KTAP version 1
# seed 5
1..2
    KTAP version 1
    # Subtest: mm
    1..2
    ok 1 a
    # file.c:3: not true
    not ok 2 b
not ok 1 mm
    KTAP version 1
    # Subtest: edu
    1..1
    ok 1 x # SKIP no edu here
ok 2 edu
bounce: exit 1
"""


def test_ktap():
    mm, edu = ktap.parse(GOOD)
    assert [(case.name, case.ok) for case in mm.leaves()] == [("mm.a", True), ("mm.b", False)]
    assert mm.cases[1].notes == ["file.c:3: not true"]
    assert edu.cases[0].skip == "no edu here"


@pytest.mark.parametrize("number", [n for n, line in enumerate(GOOD.splitlines())
                                    if "ok " in line or "1.." in line or "KTAP" in line])
def test_ktap_misses_a_line(number):
    lines = GOOD.splitlines(True)
    with pytest.raises(ktap.KtapError):
        ktap.parse("".join(lines[:number] + lines[number + 1:]))


@pytest.mark.parametrize("old, new", [("not ok 1 mm", "ok 1 mm"), ("ok 2 edu", "not ok 2 edu"),
                                      ("ok 1 a", "ok 2 a"), ("1..2\n    ok", "1..3\n    ok"),
                                      ("    ok 1 a", "  ok 1 a"), ("ok 1 a", "okay 1 a")])
def test_ktap_contradicts_itself(old, new):
    assert old in GOOD
    with pytest.raises(ktap.KtapError):
        ktap.parse(GOOD.replace(old, new))
