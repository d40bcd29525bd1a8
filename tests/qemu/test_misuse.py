# SPDX-License-Identifier: MIT
"""Misuse is named with the function that made it, and with none of the API's own."""
from __future__ import annotations

import re

import qemu
from conftest import ROOT

PROMPT = r"^bounce> "
SUITES = ("check", "gate", "map", "attrs", "sg", "coherent", "pool", "pages", "kmem")
LINE = r"error: dma: [^:]+: (?P<kind>.+): (?:0x)?[0-9a-f]+\+[0-9]+, by (?P<caller>\S+)\+0x"
API = r"dma_|pages_|buddy_|kmalloc$|kfree$|\?$"
BY_HAND = "ktest_run"  # what a case reports itself, by the name of its caller


def kinds():
    return set(re.findall(r'\[DMA_MISUSE_\w+\] = "(.*)"', (ROOT / "dma/check.c").read_text()))


def ask(guest: qemu.Guest, line: str) -> str:
    begin = len(qemu.clean(bytes(guest.serial)))
    guest.send(line.encode() + b"\r")
    guest.expect(PROMPT, 60)
    return qemu.clean(bytes(guest.serial))[begin:]


def test_by_whom(setup):
    """Each kind, as the unit tests provoke it."""
    with qemu.Guest(setup()) as guest:
        guest.expect(PROMPT)
        logs = [ask(guest, f"test {suite}") and ask(guest, "log") for suite in SUITES]
    said = [match.group("kind", "caller") for log in logs for match in re.finditer(LINE, log)]
    wrong = [pair for pair in said if re.match(API, pair[1])]
    assert not wrong
    assert {kind for kind, caller in said if caller != BY_HAND} == kinds()
