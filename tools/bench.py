#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make bench`: what the calls of mm/ and dma/ cost, in instructions, beside Linux's.

The kernel measures itself and prints rows (tests/bench/bench.h); here they are
collected into build/bench.json, put into a table, and held against the floors
(floors.py). `make bench-linux` has a Debian kernel do the same work
(tests/bench/linux), and leaves build/bench-linux.json. `bench.py --markdown` makes
the README's table of both.
"""
from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence

import qemu
from floors import FLOORS, Floor, Row

ROOT = Path(__file__).resolve().parent.parent
# An instruction is a tick; a copy is `rep movsq`, on both sides (no ERMS).
CPU = "max,-erms"
KEYS = ("name", "case", "size", "dir", "path", "fill", "pattern", "cache", "pool_mib", "mem_gib")
SHOWN = ("median", "mean", "max", "overhead")
FIGURES = ("min", "median", "p99", "max", "mean", "overhead")

# Memory of the guest, and what is measured there.
RUNS = (("6G", "all"), ("6G", "disk_copy"), ("64G", "boot,pages"), ("256G", "boot"))


# Linux as it would be without its mitigations, and without zeroing pages that nobody asked to
# have zeroed; the second time with a pool of 512 MiB, for what depends on that.
LINUX = "console=ttyS0 nokaslr mitigations=off init_on_alloc=0 panic=-1 quiet"
LINUX_RUNS = ("", "swiotlb=262144 BENCH_ARGS=all=0")
SKIPPED = 3  # of build.sh

NOTE = "Instructions, not nanoseconds: what a cache miss costs isn't in them."


def parse(serial: str) -> List[Row]:
    """The rows that a guest printed."""
    return [json.loads(row) for row in re.findall(r"\bbench: (\{.*\})$", serial, re.M)]


def setup(build: Path, memory: str, names: str) -> qemu.Setup:
    machine = qemu.Setup(build=build, machine="pc", cpu=CPU, memory=memory, devices=(),
                         cmdline=f"bench={names} exit")
    if "disk_copy" in names:
        disk = qemu.SCRATCH_DISK
        machine.devices, machine.disks = ("lsi53c895a",), (disk,)
        machine.nvme = ((disk, "cmb_size_mb=1"), (disk, ""))
    return machine


def measure(build: Path, memory: str, names: str) -> List[Row]:
    result = qemu.run(setup(build, memory, names), timeout=300)
    if not result.passed:
        raise qemu.QemuError(result.report())
    return parse(result.serial)


def more_to_boot(rows: Sequence[Row]) -> Iterator[Row]:
    """What more memory than the first run's adds to the way to the first test."""
    boots = [row for row in rows if row["name"] == "boot"]
    for row in boots[1:]:
        more = {figure: row[figure] - boots[0][figure] for figure in FIGURES}
        yield {**row, "name": "boot_more", **more}


def words(row: Row) -> List[str]:
    """A row's keys, for people."""
    return ["" if row[key] is None else str(row[key]) for key in KEYS]


def number(value: Optional[float]) -> str:
    return "" if value is None else f"{value:,.0f}"


def counterpart(row: Row, others: Iterable[Row]) -> Optional[Row]:
    """Linux's row of the same work. It has not our caches; its pages are as they are after boot."""
    same = [key for key in KEYS if key not in ("cache", "mem_gib")]
    return next((o for o in others if all(
        row[key] == o[key] or (key == "pattern" and o[key] is None) for key in same)), None)


def times(ratio: Optional[float]) -> str:
    return f"{ratio:,.1f}x" if ratio else ""


def beside(row: Row, linux: Sequence[Row]) -> List[str]:
    other = counterpart(row, linux)
    if not other:
        return ["", "", ""]
    return [number(other["overhead"]), number(other["max"]),
            times(row["overhead"] > 0 and other["overhead"] / row["overhead"])]


def text_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Columns as wide as they need; the first `left` are words."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) if i < left else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(line, widths))).rstrip()
                     for line in [head, *lines])


def table(rows: Sequence[Row], linux: Sequence[Row]) -> str:
    """All rows; where Linux was measured, its figures and the ratio."""
    head = [*KEYS, *SHOWN] + (["Linux", "its max", "ratio"] if linux else [])
    lines = [words(row) + [number(row[f]) for f in SHOWN] + (beside(row, linux) if linux else [])
             for row in rows]
    return text_table(head, lines, len(KEYS))


def verdict(floor: Floor, rows: Sequence[Row]) -> str:
    if floor.ours(rows) is None:
        return "not measured"
    return "" if floor.kept(rows) else "under" if floor.at_least else "over"


def floors_table(rows: Sequence[Row], linux: Sequence[Row]) -> str:
    """Ours at most, and where we are; of the rows that a line is of the worst."""
    lines = []
    for floor in FLOORS:
        ours, theirs = floor.ours(rows), floor.theirs(linux)
        lines.append([floor.what, number(theirs), number(floor.limit), number(ours),
                      times(floor.times(ours, theirs)), verdict(floor, rows)])
    return text_table(["beyond the copies, worst row", "Linux", "at most", "ours", "ratio", ""],
                      lines, 1)


def markdown(rows: Sequence[Row], linux: Sequence[Row]) -> str:
    """The README's table."""
    lines = [f"| | {title(linux)} | Bounce | |", "|---|---:|---:|---:|"]
    for floor in FLOORS:
        ours, theirs = floor.ours(rows), floor.theirs(linux)
        lines.append(f"| {floor.what} | {number(theirs)} | {number(ours)} "
                     f"| {times(floor.times(ours, theirs))} |")
    return "\n".join(lines)


def title(linux: Sequence[Row]) -> str:
    return f"Linux {linux[0]['linux'].replace(' ', ', ', 1)}" if linux else "Linux"


def save(path: Path, rows: Sequence[Row]) -> None:
    """A list of rows, one a line."""
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def load(path: Path) -> List[Row]:
    return json.loads(path.read_text()) if path.exists() else []


def measure_all(build: Path) -> List[Row]:
    """Each in a guest of its own, as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda run: measure(build, *run), RUNS)
        rows = [row for run in runs for row in run]
    return rows + list(more_to_boot(rows))


def bench(build: Path, names: Optional[str]) -> None:
    rows = measure(build, "6G", names) if names else measure_all(build)
    linux = load(build / "bench-linux.json")
    print(table(rows, linux) + "\n")
    if names:
        return
    save(build / "bench.json", rows)
    print(floors_table(rows, linux) + f"\n\n{NOTE} "
          + (f"{title(linux)}." if linux else "make bench-linux measures Linux."))


def measure_linux(folder: Path, more: str) -> List[Row]:
    """One boot; each row says which Linux it was."""
    result = qemu.run(qemu.Setup(kernel=folder / "vmlinuz", module=folder / "initramfs.gz",
                                 machine="pc", cpu=CPU, devices=("edu,dma_mask=0xffffffff",),
                                 cmdline=f"{LINUX} {more}",
                                 extra=("-seed", "1", "-rtc", "base=2024-01-01,clock=vm")),
                      timeout=600)
    version = re.search(r"^linux: (\S+)(?:.* (Debian \S+))?", result.serial, re.M)
    if not version or not result.has(r"\bbench: done$"):
        raise qemu.QemuError(result.report())
    return [{**row, "linux": " ".join(filter(None, version.groups()))}
            for row in parse(result.serial)]


def bench_linux(build: Path) -> None:
    folder = build / "linux"
    done = subprocess.run(["sh", str(ROOT / "tests/bench/linux/build.sh"), str(folder)], text=True,
                          stderr=subprocess.PIPE)
    if done.returncode == SKIPPED:
        print(f"bench-linux: skipped: {done.stderr.strip()}")
        return
    if done.returncode:
        raise qemu.QemuError(done.stderr)
    rows = [row for more in LINUX_RUNS for row in measure_linux(folder, more)]
    save(build / "bench-linux.json", rows)
    print(table(rows, []) + f"\n\n{title(rows)}, instructions")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--names", help="only these, as in bench=<name>[,<name>...]")
    parser.add_argument("--linux", action="store_true", help="measure Linux instead")
    parser.add_argument("--markdown", action="store_true",
                        help="measure nothing; print the README's table of what was measured last")
    opts = parser.parse_args()
    try:
        if opts.linux:
            bench_linux(opts.build)
        elif opts.markdown:
            print(markdown(load(opts.build / "bench.json"), load(opts.build / "bench-linux.json")))
        else:
            bench(opts.build, opts.names)
    except qemu.QemuError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
