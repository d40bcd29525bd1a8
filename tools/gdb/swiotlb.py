# SPDX-License-Identifier: MIT
"""bounce swiotlb: the pool, and how its slots are used."""
import guest


class Swiotlb(guest.Command):
    """The pool: place, use, longest free run, what was copied."""

    def lines(self, argument):
        pool = guest.machine()["pool"]
        slots, base = int(pool["slots"]), int(pool["base"]["value"])
        stats = pool["stats"]
        yield f"pool {base:#x} to {base + slots * guest.SLOT:#x}, {slots} slots of 2 KiB"
        yield (f"used {int(stats['used'])}, high water {int(stats['high_water'])}, "
               f"longest free run {longest_free_run(pool, slots)} slots, "
               f"{len(list(held(pool)))} in magazines")
        yield (f"mappings {int(stats['mappings'])}, bytes in {int(stats['bytes_in'])}, "
               f"bytes out {int(stats['bytes_out'])}")
        yield "refused: " + guest.counts(stats["refused"], guest.names("dma_failure_name"))


def entries(array):
    return [array[i] for i in range(array.type.range()[1] + 1)]


def held(pool):
    """Slots that the magazines hold: free, though not in the index."""
    for magazine in entries(pool["magazine"]):
        for length, count in enumerate(entries(magazine["count"]), 1):
            for run in range(int(count)):
                first = int(magazine["run"][length - 1][run])
                yield from range(first, first + length)


def longest_free_run(pool, slots):
    """From one used slot to the next."""
    longest, begin, free = 0, 0, set(held(pool))
    for used in guest.set_bits(pool["runs"]["used"], slots):
        if used not in free:
            longest, begin = max(longest, used - begin), used + 1
    return max(longest, slots - begin)


Swiotlb("swiotlb")
