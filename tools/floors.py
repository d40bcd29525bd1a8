# SPDX-License-Identifier: MIT
"""What calls may cost at most: the lines that `make bench` ends with, the README's table, and a
test of each (tests/qemu/test_bench.py)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional

Row = Dict[str, object]


def beyond(row: Row) -> float:
    """Its mean less the copies, or the zeroing, that it contains."""
    return row["overhead"]


def dearest(row: Row) -> float:
    """The dearest of its samples, less the same."""
    return row["max"] - (row["mean"] - row["overhead"])


def size_in_kib(row: Row) -> float:
    return row["size"] / 1024


@dataclass
class Floor:
    """What some rows may cost at most: those with all these keys, and there must be such."""

    what: str
    limit: float
    keys: Row
    figure: Callable[[Row], float] = beyond
    at_least: bool = False
    linux: Optional[float] = None  # where make bench-linux has no row of it

    def rows(self, rows: Iterable[Row]) -> List[Row]:
        return [row for row in rows if all(is_among(row[k], v) for k, v in self.keys.items())]

    def ours(self, rows: Iterable[Row]) -> Optional[float]:
        """The worst of these rows; None: there is none, or none at one of the fills."""
        found = self.rows(rows)
        fills = self.keys.get("fill")
        if isinstance(fills, tuple) and set(fills) - {row["fill"] for row in found}:
            return None
        figures = [self.figure(row) for row in found]
        worst = min if self.at_least else max
        return worst(figures) if figures else None

    def kept(self, rows: Iterable[Row]) -> bool:
        ours = self.ours(rows)
        return ours is not None and (ours >= self.limit if self.at_least else ours <= self.limit)

    def theirs(self, linux: Iterable[Row]) -> Optional[float]:
        """The same of Linux, which has not our caches; its pages are as they are after boot."""
        keys = {k: v for k, v in self.keys.items() if k not in ("cache", "mem_gib")}
        theirs = Floor(self.what, self.limit, keys, self.figure, self.at_least).ours(linux)
        return self.linux if theirs is None else theirs

    def times(self, ours: Optional[float], theirs: Optional[float]) -> Optional[float]:
        """How much better ours is."""
        if not ours or not theirs:
            return None
        return ours / theirs if self.at_least else theirs / ours


def is_among(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def mapping(name: str = "map_unmap", **keys: object) -> Row:
    return {"name": name, "size": 4096, "path": "bounced", **keys}


def full(pool_mib: int) -> Row:
    return mapping(fill=(95, 99), pattern="scattered2k", cache=(None, "miss"), pool_mib=pool_mib)


def block(order: int, **keys: object) -> Row:
    return {"name": "pages", "case": None, "size": 4096 << order, **keys}


FLOORS = (
    Floor("bounced map + unmap, 4 KiB, hit", 150, mapping(fill=0, cache="hit")),
    Floor("bounced map + unmap, 4 KiB, miss", 350, mapping(fill=0, cache="miss")),
    Floor("the same, pool 95 and 99 % full, scattered singly", 400, full(64)),
    Floor("the same, pool of 512 MiB", 440, full(512)),
    Floor("refusal of 64 KiB, scattered pool", 150,
          {"name": "refusal", "case": "fragmented", "size": 65536,
           "pattern": ("scattered2k", "scattered4k")}),
    Floor("worst single map, 4 KiB, any fill up to 99 %", 1000, mapping("map"), dearest),
    Floor("direct map + unmap", 40, {"name": "map_unmap", "path": "direct"}),
    Floor("sync 4 KiB", 50, mapping("sync")),
    Floor("gate, direct", 20, {"name": "gate", "path": "direct"}),
    Floor("gate, pool address", 45, {"name": "gate", "path": "bounced"}),
    Floor("page of order 0, allocate + free, hit", 80, block(0, cache="hit")),
    Floor("page of order 0, allocate + free, miss", 350, block(0, cache="miss")),
    Floor("order 4, allocate + free", 600, block(4)),
    Floor("order 0 under a 29-bit limit, fragmented 64 GiB", 400,
          {**block(0, pattern="fragmented", mem_gib=64), "case": "below 2^29"}),
    Floor("dma_pool 64 B, allocate + free", 60, {"name": "pool", "case": None, "size": 64}),
    Floor("coherent 4 KiB, allocate + free, hit", 400,
          {"name": "coherent", "size": 4096, "cache": "hit"}),
    Floor("a MiB from one disk to the other, in pages, bounced", 440_000,
          {"name": "disk_copy", "path": "bounced"}),
    Floor("the same, direct", 165_000, {"name": "disk_copy", "path": "direct"}),
    Floor("largest single mapping in a pool of 64 MiB, in KiB", 65536,
          {"name": "largest", "pool_mib": 64}, size_in_kib, at_least=True),
    # Linux's struct io_tlb_slot has 24 bytes; it is private to kernel/dma/swiotlb.c.
    Floor("metadata a 2 KiB slot, in bits", 128, {"name": "metadata", "case": "slot"}, linux=192),
    Floor("metadata a page, in bits", 5, {"name": "metadata", "case": "page"}),
    Floor("256 GiB against 6 GiB, to the first test", 5_000_000,
          {"name": "boot_more", "mem_gib": 256}),
)
