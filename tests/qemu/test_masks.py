# SPDX-License-Identifier: MIT
"""Every mask a device may have, and every way to be wrong about it."""
from __future__ import annotations

import pytest
from judge import check_passed, check_refused

# What an address bit does can be seen where RAM lies on both sides of it. 6 GiB end at 7 GiB on
# pc, at 8 GiB on q35; q35 has none between 2 and 4 GiB, so that bit 31 can't be told.
TOP_BITS = 33

CLAIMS = {
    "absent": lambda bits: "",
    "equal": lambda bits: f"edu.mask={bits}",
    "wide": lambda bits: f"edu.mask={bits + 5}",
    "narrow": lambda bits: f"edu.mask={max(bits - 1, 24)}",
}


def edu(bits: int) -> str:
    return f"edu,dma_mask={(1 << bits) - 1:#x}"


def reach_line(machine: str, bits: int) -> str:
    if bits >= TOP_BITS:
        return f"reach >={TOP_BITS} bits"
    return "reach >=31 bits" if machine == "q35" and bits > 30 else f"reach {bits} bits"


def check_mask(boot, module, machine, bits, words):
    data = module(20_000)
    result = boot(f"run=edu exit {words}", machine=machine, devices=[edu(bits)], module=data)
    check_passed(result, data)
    assert result.has(f"^edu0: {reach_line(machine, bits)}$"), result.report()
    # Past the device's reach there is memory, so the probe and the direct step must have met it.
    assert (result.clamps_inside > 0) == (bits < TOP_BITS), result.report()
    return result


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("bits", range(24, 41))
def test_claim(boot, module, bits, claim):
    result = check_mask(boot, module, "pc", bits, CLAIMS[claim](bits))
    if claim == "wide":
        assert result.has(f"edu.mask is {bits + 5} bits"), result.report()


@pytest.mark.parametrize("bits", range(24, 41))
def test_mask_on_q35(boot, module, bits):
    check_mask(boot, module, "q35", bits, "place=shuffle")


@pytest.mark.parametrize("place", ["high", "low", "shuffle", "edge"])
@pytest.mark.parametrize("pool", ["swiotlb=1M", "swiotlb=4M,force", "swiotlb=off"])
def test_pool(boot, module, place, pool):
    """Little of a pool, all through it, none (then transient slots): the data comes through."""
    data = module(100_001)
    check_passed(boot(f"run=edu exit place={place} {pool}", devices=[edu(28)], module=data), data)


@pytest.mark.parametrize("irq", ["msi", "intx"])
def test_interrupt(boot, module, irq):
    data = module()
    check_passed(boot(f"run=edu exit edu.irq={irq}", module=data), data)


@pytest.mark.parametrize("size", [1, 2047, 4095, 4096, 4097, 2_000_003])
def test_size(boot, module, size):
    data = module(size)
    check_passed(boot("run=edu exit", module=data), data)


def test_no_probe_with_the_truth(boot, module):
    data = module()
    check_passed(boot("run=edu exit edu.probe=off edu.mask=28", module=data), data)


def test_no_direct_step(boot, module):
    data = module()
    check_passed(boot("run=edu exit edu.direct=off", module=data), data)


def test_no_direct_step_and_no_probe_makes_no_clamp(boot, module):
    data = module()
    result = boot("run=edu exit edu.direct=off edu.probe=off edu.mask=28", module=data)
    check_passed(result, data)
    assert result.clamps_outside == 0


@pytest.mark.parametrize("bits", [1, 16, 23])
def test_below_the_tightest(boot, module, bits):
    """Less than 24 bits are never granted, and that is said."""
    check_refused(boot("run=edu exit", devices=[edu(bits)], module=module()), r"edu0: .*\bbits?\b")
