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
               f"longest free run {longest_free_run(pool['used'], slots)} slots")
        yield (f"mappings {int(stats['mappings'])}, bytes in {int(stats['bytes_in'])}, "
               f"bytes out {int(stats['bytes_out'])}, failures {int(stats['failures'])}")


def longest_free_run(bitmap, slots):
    """From one used slot to the next."""
    longest, begin = 0, 0
    for used in guest.set_bits(bitmap, slots):
        longest, begin = max(longest, used - begin), used + 1
    return max(longest, slots - begin)


Swiotlb("swiotlb")
