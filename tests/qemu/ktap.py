# SPDX-License-Identifier: MIT
"""A small, strict reader of KTAP version 1 (Linux Documentation/dev-tools/ktap.rst).

Strict, because a lenient one would call a log whole that lost its middle:
plans must be kept, numbers must follow, a suite fails exactly where one of its
cases does, and a result line outside of a test is an error. Lines that are no
KTAP at all (the kernel's log) are passed over.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Iterator, List, Optional

RESULT = re.compile(r"(not ok|ok) ([0-9]+)(?: (?:- )?([^#\n]*?))?(?: # ?(SKIP)\b ?(.*))?")
PLAN = re.compile(r"1\.\.([0-9]+)")
INDENT = 4


class KtapError(Exception):
    """This is no well-formed KTAP."""


@dataclass
class Test:
    """A case, or a suite with its cases."""

    name: str
    ok: bool
    skip: Optional[str] = None  # the reason
    cases: List["Test"] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)  # diagnostics before the result line

    def leaves(self, prefix: str = "") -> Iterator["Test"]:
        """The cases at the bottom, named in full."""
        name = prefix + self.name
        if not self.cases:
            yield Test(name, self.ok, self.skip, [], self.notes)
        for case in self.cases:
            yield from case.leaves(name + ".")


@dataclass
class _Level:
    plan: Optional[int] = None
    tests: List[Test] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)


def parse(text: str) -> List[Test]:
    """The suites of a log."""
    levels: List[_Level] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            _line(levels, line)
        except KtapError as error:
            raise KtapError(f"line {number}, {line!r}: {error}") from None
    if len(levels) != 1:
        raise KtapError("the log ends inside a suite" if levels else "no KTAP in the log")
    _check_plan(levels[0])
    return levels[0].tests


def _line(levels: List[_Level], line: str) -> None:
    words = line.lstrip(" ")
    depth, odd = divmod(len(line) - len(words), INDENT)
    if words == "KTAP version 1":
        _open(levels, depth, odd)
    elif words.startswith("# ") and levels:
        if not words.startswith("# Subtest: "):
            levels[-1].notes.append(words[2:])
    elif PLAN.fullmatch(words):
        _plan(levels, depth, int(words[3:]))
    elif re.match(r"(not )?ok\b", words):
        if odd:
            raise KtapError(f"indented by a fraction of {INDENT}")
        _result(levels, depth, words)


def _open(levels: List[_Level], depth: int, odd: int) -> None:
    if odd or depth != len(levels):
        raise KtapError("a version line at the wrong depth")
    levels.append(_Level())


def _plan(levels: List[_Level], depth: int, count: int) -> None:
    if depth != len(levels) - 1 or levels[depth].plan is not None or levels[depth].tests:
        raise KtapError("a plan at the wrong place")
    levels[depth].plan = count


def _check_plan(level: _Level) -> None:
    if level.plan != len(level.tests):
        raise KtapError(f"{level.plan} tests were planned, {len(level.tests)} ran")


def _result(levels: List[_Level], depth: int, words: str) -> None:
    cases: List[Test] = []
    match = RESULT.fullmatch(words)
    if not match:
        raise KtapError("no result line")
    if depth == len(levels) - 2:
        _check_plan(levels[-1])
        cases = levels.pop().tests
    if depth != len(levels) - 1:
        raise KtapError("a result outside of a test")
    level = levels[depth]
    test = Test((match[3] or "").strip(), match[1] == "ok", match[5] if match[4] else None, cases,
                level.notes)
    _check_result(level, test, int(match[2]))
    level.tests.append(test)
    level.notes = []


def _check_result(level: _Level, test: Test, number: int) -> None:
    if number != len(level.tests) + 1:
        raise KtapError(f"this should be test {len(level.tests) + 1}")
    if test.cases and test.ok != all(case.ok for case in test.cases):
        raise KtapError("the suite's result isn't that of its cases")
