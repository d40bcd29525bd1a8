# SPDX-License-Identifier: MIT
"""What dma/ says in the log, as the unit tests provoke it: of whom, and when nothing."""
from __future__ import annotations

import re

import pytest
import qemu
from conftest import ROOT

PROMPT = r"^bounce> "
SUITES = ("check", "gate", "map", "attrs", "sg", "coherent", "pool", "pages", "kmem",
          "declared")
MISUSE = r"error: dma: [^:]+: (?P<kind>.+): (?:0x)?[0-9a-f]+\+[0-9]+, by (?P<caller>\S+)\+0x"
API = r"dma_|pages_|buddy_|kmalloc$|kfree$|\?$"
BY_HAND = "ktest_run"  # what a case reports itself, by the name of its caller


def kinds():
    return set(re.findall(r'\[DMA_MISUSE_\w+\] = "(.*)"', (ROOT / "dma/check.c").read_text()))


@pytest.fixture
def log_of(setup):
    """A function that runs tests in the shell, and returns what the log has then."""
    def ask(guest: qemu.Guest, line: str) -> str:
        begin = len(qemu.clean(bytes(guest.serial)))
        guest.send(line.encode() + b"\r")
        guest.expect(PROMPT)
        return qemu.clean(bytes(guest.serial))[begin:]

    with qemu.Guest(setup()) as guest:
        guest.expect(PROMPT)
        yield lambda tests: ask(guest, f"test {tests}") and ask(guest, "log")


def test_misuse_is_named_with_its_caller(log_of):
    """Each kind; and never with a function of the API's own."""
    said = [match.group("kind", "caller")
            for suite in SUITES for match in re.finditer(MISUSE, log_of(suite))]
    wrong = [pair for pair in said if re.match(API, pair[1])]
    assert not wrong
    assert {kind for kind, caller in said if caller != BY_HAND} == kinds()


def test_a_failure_says_why_and_who_has_the_pool(log_of):
    log = log_of("replay.full_was_all_it_said")
    used = r"26 of 256 slots in use, 26 by near1\)"
    for size, why in ((20480, "fragmented"), (524289, "too big"), (512000, "exhausted")):
        assert re.search(rf"warning: dma: near0: can't map {size} bytes at 0x[0-9a-f]+: {why} "
                         rf"\(swiotlb: largest free run 9, {used}", log), log


def test_a_failure_that_is_not_to_be_said(log_of):
    assert "can't map" not in log_of("attrs.no_warn")
    assert "can't map" in log_of("replay.full_stopped_the_machine")


def test_memory_on_devices_is_refused_with_the_reason(log_of):
    """Whatever can't be declared, by whom and why; what is in use when it is to be released, by
    whom; who can't reach it, and what can't be occupied."""
    log = log_of("declared.bad_input") + log_of("declared.overlaps") + log_of("declared.cant_be_mapped")
    said = set(re.findall(r"error: dma: (\w+): can't declare \d+ bytes at bus \w+, device \w+: (.*?)\r?$",
                          log, re.M))
    assert said >= {
        ("nobody", "no device"), ("card0", "no bytes"), ("card0", "flags that mean nothing"),
        ("card0", "not whole units of 64 bytes"), ("card0", "its bus addresses wrap"),
        ("child0", "its bus addresses wrap"), ("card0", "its device addresses wrap"),
        ("card0", "RAM is at its bus address"), ("card0", "RAM is at its device address"),
        ("card0", "beyond the device's coherent mask"), ("other0", "it overlaps other declared memory"),
        ("card0", "it can't be mapped, or there is no memory for its record")}, said
    log = log_of("declared.release")
    for user in ("card0", "child0"):
        assert re.search(rf"error: dma: card0: its memory is in use: 100 bytes at \w+ by {user}\b", log), log
    assert re.search(r"warning: dma: child0: can't reach the 8192 bytes of card0 at \w+, its \w+ ?\w* "
                     r"ends at \w+: it does without", log_of("declared.by_the_bridges_window"))
    assert re.search(r"error: dma: other0: has no 64 free bytes at its address \w+ to occupy",
                     log_of("declared.occupied_wrongly"))
