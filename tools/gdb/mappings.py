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
            record = pool["slot"][slot]
            address = base + slot * guest.SLOT + int(record["offset"])
            yield (f"{address:#x} for {int(record['original']):#x}, {int(record['length'])} bytes, "
                   f"{guest.DIRECTIONS.get(int(record['direction']), '?')}, "
                   f"{owner(devices, int(record['device']))}")
            count += 1
        yield f"{count} mappings"


def owner(devices, number):
    """The device's name; 0 stands for one that is gone, and left its mapping behind."""
    return devices[number - 1]["name"].string() if number else "a device that is gone"


Mappings("mappings")
