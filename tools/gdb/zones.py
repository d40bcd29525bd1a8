# SPDX-License-Identifier: MIT
"""bounce zones: free memory by zone and order."""
import guest

PAGE = 4096


class Zones(guest.Command):
    """Each zone: range, free bytes, free blocks by order, who was refused and why."""

    def lines(self, argument):
        zones = guest.machine()["zones"]
        zone, cached = zones["zone"], in_caches(zones["cache"])
        last = zone.type.range()[1]
        for index in range(last + 1):
            # All that a cache holds is of the last zone.
            held = sum(n << order for order, n in enumerate(cached)) if index == last else 0
            yield from zone_lines(zone[index], held)
        yield "in caches: " + " ".join(map(str, cached))


def in_caches(caches):
    """Blocks by order that the CPUs hold back; they count as free."""
    slots = caches.type.target()["slot"].type.range()[1] + 1
    orders = caches.type.target()["next"].type.range()[1] + 1
    blocks = [0] * orders
    for cpu in range(caches.type.range()[1] + 1):
        for slot in range(slots):
            blocks[slot % orders] += int(caches[cpu]["slot"][slot]) != 0
    return blocks


def zone_lines(zone, held):
    buddy = zone["buddy"]
    first, pages = int(buddy["first"]), int(buddy["pages"])
    blocks = [int(buddy["free_blocks"][o]) for o in range(buddy["free_blocks"].type.range()[1] + 1)]
    yield (f"{zone['name'].string()} {first * PAGE:#x} to {(first + pages) * PAGE:#x}, "
           f"free {guest.size((sum(n << o for o, n in enumerate(blocks)) + held) * PAGE)}")
    yield "  free blocks by order: " + " ".join(map(str, blocks))
    yield "  refused: " + guest.counts(zone["refused"], guest.names("page_refusal_name"))


Zones("zones")
