# SPDX-License-Identifier: MIT
"""bounce mappings: what is bounced through the pool right now, and for whom."""
import guest

# As dma/swiotlb.h packs what it keeps of a mapping: offset above the original's address in one
# array, device, direction + 1, settled, coherent in another, 0 where no mapping begins.
ORIGINAL_BITS = 52
DEVICE_BITS = 10


class Mappings(guest.Command):
    """One line a mapping: slot's address, original buffer, length, direction, device."""

    def lines(self, argument):
        machine = guest.machine()
        pool, devices = machine["pool"], machine["dma"]["device"]
        base, count = int(pool["base"]["value"]), 0
        for slot in guest.set_bits(pool["runs"]["head"], int(pool["slots"])):
            original, whose = int(pool["original"][slot]), int(pool["owner"][slot])
            if not whose:
                continue
            address = base + slot * guest.SLOT + (original >> ORIGINAL_BITS)
            buffer = original & ((1 << ORIGINAL_BITS) - 1)
            yield (f"{address:#x} for {buffer:#x}, {int(pool['runs']['length'][slot])} bytes, "
                   f"{use(whose)}, {owner(devices, whose & ((1 << DEVICE_BITS) - 1))}")
            count += 1
        yield f"{count} mappings"


def use(whose):
    """Direction and flags."""
    flags = whose >> DEVICE_BITS
    words = ["coherent" if flags & 8 else guest.DIRECTIONS.get((flags & 3) - 1, "?")]
    return ", ".join(words + ["settled"] * bool(flags & 4))


def owner(devices, number):
    """The device's name; 0 stands for one that is gone, and left its mapping behind."""
    return devices[number - 1]["name"].string() if number else "a device that is gone"


Mappings("mappings")
