#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make bench`: what the calls of mm/ and dma/ cost, in instructions, beside Linux's.

The kernel measures itself and prints rows (tests/bench/bench.h); here they are
collected into build/bench.json, put into a table, and held against the floors.
`make bench-linux` has a Debian kernel do the same work (tests/bench/linux), and
leaves build/bench-linux.json.
"""
from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import qemu

ROOT = Path(__file__).resolve().parent.parent
Row = Dict[str, object]

# An instruction is a tick; a copy is `rep movsq`, on both sides (no ERMS).
CPU = "max,-erms"
KEYS = ("name", "case", "size", "dir", "path", "fill", "pattern", "cache", "pool_mib", "mem_gib")
SHOWN = ("median", "mean", "max", "overhead")
FIGURES = ("min", "median", "p99", "max", "mean", "overhead")

# Memory of the guest, and what is measured there.
RUNS = (("6G", "all"), ("64G", "boot,pages"), ("256G", "boot"))


# Linux as it would be without its mitigations, and without zeroing pages that nobody asked to
# have zeroed; the second time with a pool of 512 MiB, for what depends on that.
LINUX = "console=ttyS0 nokaslr mitigations=off init_on_alloc=0 panic=-1 quiet"
LINUX_RUNS = ("", "swiotlb=262144 BENCH_ARGS=all=0")
SKIPPED = 3  # of build.sh


@dataclass
class Floor:
    """What some rows may cost at most: those with all these keys, and there must be such."""

    what: str
    linux: str  # as measured on 6.1
    at_most: int
    keys: Row
    worst: bool = False  # the dearest of all samples, less the copies; else the mean

    def cost(self, row: Row) -> float:
        contained = row["mean"] - row["overhead"]
        return row["max"] - contained if self.worst else row["overhead"]

    def rows(self, rows: Iterable[Row]) -> List[Row]:
        return [row for row in rows if all(is_among(row[k], v) for k, v in self.keys.items())]

    def verdict(self, rows: Iterable[Row]) -> Tuple[Optional[float], bool]:
        """The dearest of these rows; None where there is none."""
        costs = [self.cost(row) for row in self.rows(rows)]
        return (max(costs), max(costs) <= self.at_most) if costs else (None, False)


def is_among(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def mapping(name: str = "map_unmap", **keys: object) -> Row:
    return {"name": name, "size": 4096, "path": "bounced", **keys}


def block(order: int, **keys: object) -> Row:
    return {"name": "pages", "case": None, "size": 4096 << order, **keys}


FLOORS = (
    Floor("bounced map + unmap, 4 KiB, hit", "2,653 to, 2,703 from", 150,
          mapping(fill=0, cache="hit")),
    Floor("the same, miss", "", 350, mapping(fill=0, cache="miss")),
    Floor("the same, pool 95 and 99 % full, scattered singly", "17,000 / 165,000 map alone", 400,
          mapping(fill=(95, 99), pattern="scattered2k", pool_mib=64)),
    Floor("the same, pool of 512 MiB", "750,000", 440,
          mapping(fill=(95, 99), pattern="scattered2k", pool_mib=512)),
    Floor("refusal of 64 KiB in a scattered pool", "655,746; 5,243,267 in 512 MiB", 150,
          {"name": "refusal", "size": 65536, "pattern": ("scattered2k", "scattered4k")}),
    Floor("worst single map at any fill up to 99 %, 4 KiB", "650,000", 1000, mapping("map"), True),
    Floor("direct map + unmap", "164", 40, {"name": "map_unmap", "path": "direct"}),
    Floor("sync 4 KiB", "88", 50, mapping("sync")),
    Floor("gate, direct", "(none)", 20, {"name": "gate", "path": "direct"}),
    Floor("gate, pool address", "(none)", 45, {"name": "gate", "path": "bounced"}),
    Floor("page of order 0, allocate + free, hit", "702", 80, block(0, cache="hit")),
    Floor("the same, miss", "", 350, block(0, cache="miss")),
    Floor("order 4, allocate + free", "1,611", 600, block(4)),
    Floor("order 0 under a 29-bit limit, fragmented 64 GiB", "(can't)", 400,
          {**block(0, pattern="fragmented", mem_gib=64), "case": "below 2^29"}),
    Floor("dma_pool 64 B, allocate + free", "150", 60, {"name": "pool", "size": 64}),
    Floor("coherent 4 KiB, allocate + free", "1,222", 400, {"name": "coherent", "size": 4096}),
    Floor("256 GiB against 6 GiB, to the first test", "not measured", 5_000_000,
          {"name": "boot_more", "mem_gib": 256}),
)


def parse(serial: str) -> List[Row]:
    """The rows that a guest printed."""
    return [json.loads(row) for row in re.findall(r"\bbench: (\{.*\})$", serial, re.M)]


def setup(build: Path, memory: str, names: str) -> qemu.Setup:
    return qemu.Setup(build=build, machine="pc", cpu=CPU, memory=memory, devices=(),
                      cmdline=f"bench={names} exit")


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


def ratio(ours: float, theirs: float) -> str:
    return f"{theirs / ours:,.1f}x" if ours > 0 else ""


def beside(row: Row, linux: Sequence[Row]) -> List[str]:
    other = counterpart(row, linux)
    if not other:
        return ["", "", ""]
    return [number(other["overhead"]), number(other["max"]),
            ratio(row["overhead"], other["overhead"])]


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


def floors_table(rows: Sequence[Row]) -> str:
    """Ours at most, and where we are."""
    lines = []
    for floor in FLOORS:
        cost, kept = floor.verdict(rows)
        lines.append([floor.what, floor.linux, number(floor.at_most), number(cost) or "-",
                      "" if kept else "over" if cost is not None else "not measured"])
    return text_table(["beyond the copies, dearest row", "Linux 6.1", "at most", "ours", ""],
                      lines, 2)


def save(path: Path, rows: Sequence[Row]) -> None:
    """A list of rows, one a line."""
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def load(path: Path) -> List[Row]:
    return json.loads(path.read_text()) if path.exists() else []


def bench(build: Path, names: Optional[str]) -> None:
    rows: List[Row] = []
    for memory, what in RUNS if names is None else [("6G", names)]:
        rows += measure(build, memory, what)
    rows += list(more_to_boot(rows))
    linux = load(build / "bench-linux.json")
    print(table(rows, linux) + "\n")
    if names is not None:
        return
    save(build / "bench.json", rows)
    print(floors_table(rows) + "\n")
    print("Instructions, not nanoseconds: what a cache miss costs isn't in them. "
          + (f"Linux is {linux[0]['linux']}." if linux else "make bench-linux measures Linux."))


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
    print(table(rows, []) + f"\n\nLinux {rows[0]['linux']}, instructions")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--names", help="only these, as in bench=<name>[,<name>...]")
    parser.add_argument("--linux", action="store_true", help="measure Linux instead")
    opts = parser.parse_args()
    try:
        if opts.linux:
            bench_linux(opts.build)
        else:
            bench(opts.build, opts.names)
    except qemu.QemuError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
