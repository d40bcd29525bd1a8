# SPDX-License-Identifier: MIT
"""bounce mappings: what is bounced through the pool right now, and for whom."""
import guest


class Mappings(guest.Command):
    """One line a mapping: slot's address, original buffer, length, direction, device."""

    def lines(self, argument):
        machine = guest.machine()
        pool, devices = machine["pool"], machine["dma"]["device"]
        base, count = int(pool["base"]["value"]), 0
        for slot in guest.set_bits(pool["head"], int(pool["slots"])):
            original, owner = int(pool["original"][slot]), int(pool["owner"][slot])
            address = base + slot * guest.SLOT + (original >> 52)
            yield (f"{address:#x} for {original & (1 << 52) - 1:#x}, "
                   f"{int(pool['runs']['length'][slot])} bytes, "
                   f"{guest.DIRECTIONS.get(owner >> 10 & 3, '?')}, "
                   f"{name_of(devices, owner & 1023)}")
            count += 1
        yield f"{count} mappings"


def name_of(devices, number):
    """The device's name; 0 stands for one that is gone, and left its mapping behind."""
    return devices[number - 1]["name"].string() if number else "a device that is gone"


Mappings("mappings")
