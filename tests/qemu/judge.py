# SPDX-License-Identifier: MIT
"""What a run must show to count as passed, and as failed in the way it should."""
from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import ktap
import qemu


def check_cases(result: qemu.Result) -> List[ktap.Test]:
    """Every case of every suite, none failed; returns them."""
    suites = ktap.parse(result.serial)
    cases = [case for suite in suites for case in suite.leaves()]
    failed = [f"{case.name}: {'; '.join(case.notes)}" for case in cases if not case.ok]
    assert not failed, "\n".join(failed) + "\n" + result.report()
    assert any(case.skip is None for case in cases), "all cases were skipped\n" + result.report()
    return cases


def check_referee(result: qemu.Result, module: Optional[Path] = None) -> None:
    """The host's word: hashes and clamps agree, and nobody went where nothing is."""
    complaints = list(result.complaints(qemu.sha256(module) if module else None))
    complaints += result.strays
    assert not complaints, "\n".join(complaints) + "\n" + result.report()


def check_passed(result: qemu.Result, module: Optional[Path] = None) -> None:
    assert result.passed, result.report()
    check_referee(result, module)


def check_refused(result: qemu.Result, *patterns: str) -> None:
    """Bad input: a line that says so, exit 1, and not by a time-out."""
    for pattern in patterns:
        assert result.has(pattern), f"no line like {pattern!r}\n" + result.report()
    assert (result.exit, result.rc) == (1, 3), result.report()
