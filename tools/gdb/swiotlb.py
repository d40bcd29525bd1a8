# SPDX-License-Identifier: MIT
"""bounce swiotlb: the pool, and how its slots are used."""
import guest

MAGAZINE_BITS = 21  # a run in a magazine's word, as in dma/swiotlb.h


class Swiotlb(guest.Command):
    """The pool: place, use, longest free run, what was copied."""

    def lines(self, argument):
        pool = guest.machine()["pool"]
        slots, base = int(pool["slots"]), int(pool["base"]["value"])
        yield f"pool {base:#x} to {base + slots * guest.SLOT:#x}, {slots} slots of 2 KiB"
        high, spare = int(pool["used"]["high"]), int(pool["used"]["spare"])
        yield (f"used {high - spare}, high water {high}, "
               f"longest free run {longest_free_run(pool, slots)} slots, "
               f"{len(list(held(pool)))} in magazines")
        yield (f"mappings {total('bounced')}, bytes in {total('bytes_in')}, "
               f"bytes out {total('bytes_out')}")
        yield "refused: " + guest.counts(pool["refused"], guest.names("dma_failure_name"))


def entries(array):
    return [array[i] for i in range(array.type.range()[1] + 1)]


def total(counter):
    """One counter of all devices, those that are gone too."""
    dma = guest.machine()["dma"]
    devices = [device.dereference() for device in entries(dma["device"]) if device]
    return sum(int(device["count"][counter]) for device in [dma["nobody"], *devices])


def held(pool):
    """Slots that the magazines hold: free, though not in the index."""
    for magazine in entries(pool["magazine"]):
        for length, runs in enumerate(entries(magazine["runs"]), 1):
            for shift in range(0, 63, MAGAZINE_BITS):
                first = (int(runs) >> shift & (1 << MAGAZINE_BITS) - 1) - 1
                yield from range(first, first + length) if first >= 0 else ()


def longest_free_run(pool, slots):
    """From one used slot to the next."""
    longest, begin, free = 0, 0, set(held(pool))
    for used in guest.set_bits(pool["runs"]["used"], slots):
        if used not in free:
            longest, begin = max(longest, used - begin), used + 1
    return max(longest, slots - begin)


Swiotlb("swiotlb")
