# SPDX-License-Identifier: MIT
"""bounce zones: free memory by zone and order."""
import guest

PAGE = 4096
REFUSALS = ("size", "limit", "empty", "reserve")  # enum page_refusal


class Zones(guest.Command):
    """Each zone: range, free bytes, free blocks by order, who was refused and why."""

    def lines(self, argument):
        zones = guest.machine()["zones"]["zone"]
        for index in range(zones.type.range()[1] + 1):
            yield from zone_lines(zones[index])


def zone_lines(zone):
    buddy = zone["buddy"]
    first, pages = int(buddy["first"]), int(buddy["pages"])
    blocks = [int(buddy["free_blocks"][o]) for o in range(buddy["free_blocks"].type.range()[1] + 1)]
    refused = [f"{name} {int(zone['refused'][i])}" for i, name in enumerate(REFUSALS)]
    yield (f"{zone['name'].string()} {first * PAGE:#x} to {(first + pages) * PAGE:#x}, "
           f"free {guest.size(int(buddy['free_pages']) * PAGE)}")
    yield "  free blocks by order: " + " ".join(map(str, blocks))
    yield "  refused: " + ", ".join(refused)


Zones("zones")
