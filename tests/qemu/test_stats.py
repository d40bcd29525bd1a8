# SPDX-License-Identifier: MIT
"""The kernel's counters, held against what was done, and its options against what they promise."""
from __future__ import annotations

import re

import pytest
import qemu
from judge import check_passed, check_refused

PIECE = 4095  # edu takes that much at once
EDU40 = ["edu,dma_mask=0xffffffffff"]  # reaches all of 6 GiB


def pieces(size):
    return -(-size // PIECE)


def sizes(stats):
    """All devices' histograms in one, by numbers."""
    found = {}
    for device in stats["devices"].values():
        for least, times in device["size"].items():
            found[int(least)] = found.get(int(least), 0) + times
    return found


def check_sums(stats):
    """What every line of counters must keep to, whatever was done."""
    pool, devices = stats["pool"], stats["devices"].values()
    for device in devices:
        assert device["mappings"] == sum(device["size"].values())
        assert device["bounced"] + device["transient"] <= device["mappings"]
        assert device["live"] == device["lent"] == 0
    assert pool["used"] == 0 and pool["largest_run"] == pool["slots"]
    assert pool["mappings"] >= sum(device["bounced"] for device in devices)
    for key in ("bytes_in", "bytes_out", "bytes_direct", "bytes_skipped"):
        assert pool[key] >= sum(device[key] for device in devices)
    for least, times in sizes(stats).items():
        assert pool["size"][str(least)] >= times


@pytest.mark.parametrize("size", [1, 4095, 4096, 100_001])
def test_a_bounced_file(boot, module, size):
    """Each piece is copied in for its way out, and both ways for its way back."""
    data = module(size)
    result = boot("run=edu exit edu.direct=off", module=data)
    check_passed(result, data)
    stats = result.stats
    check_sums(stats)
    edu, pool = stats["devices"]["edu0"], stats["pool"]
    assert edu["mappings"] == edu["bounced"] == 2 * pieces(size)
    assert (edu["bytes_in"], edu["bytes_out"]) == (2 * size, size)
    assert (pool["bytes_in"], pool["bytes_out"]) == (2 * size, size)
    assert edu["bytes_direct"] == edu["bytes_skipped"] == edu["transient"] == 0
    assert sizes(stats).get(2048, 0) >= 2 * (size // PIECE)
    assert pool["size"] == edu["size"] and pool["bytes_direct"] == pool["bytes_skipped"] == 0
    assert pool["high_water"] == (2 if size < 2048 else 4)
    assert not edu["failed"] and not pool["refused"] and not stats["misuse"]
    assert sum(zone["free"] for zone in stats["zones"].values()) > 5 << 30


def test_a_file_within_reach(boot, module):
    """Nothing is copied where nothing has to be."""
    data = module(50_000)
    result = boot("run=edu exit", devices=EDU40, module=data)
    check_passed(result, data)
    check_sums(result.stats)
    edu = result.stats["devices"]["edu0"]
    assert edu["mappings"] == 2 * pieces(50_000) and edu["bounced"] == 0
    assert edu["bytes_in"] == edu["bytes_out"] == result.stats["pool"]["mappings"] == 0
    assert edu["bytes_direct"] == result.stats["pool"]["bytes_direct"] == 2 * 50_000


@pytest.mark.parametrize("option", ["swiotlb=4M,force", "edu.bounce=force", "edu0.bounce=force"])
def test_force(boot, module, option):
    """Bounced all the same, though the device reaches all of memory."""
    data = module(50_000)
    result = boot(f"run=edu ktest=edu exit {option}", devices=EDU40, module=data)
    check_passed(result, data)
    check_sums(result.stats)
    edu = result.stats["devices"]["edu0"]
    assert edu["bounced"] == edu["mappings"] > 2 * pieces(50_000)
    assert edu["bytes_direct"] == 0 and edu["bytes_out"] > 50_000


def test_one_of_two_forced(boot, module):
    result = boot("ktest=edu exit edu1.bounce=force", devices=EDU40 * 2, module=module())
    check_passed(result)
    devices = result.stats["devices"]
    assert devices["edu0"]["bounced"] < devices["edu0"]["mappings"]
    assert devices["edu1"]["bounced"] == devices["edu1"]["mappings"] > 0


def test_no_pool(boot, module):
    """Transient slots, and the pool says 0."""
    data = module(50_000)
    result = boot("run=edu exit edu.direct=off swiotlb=off", module=data)
    check_passed(result, data)
    edu = result.stats["devices"]["edu0"]
    assert edu["transient"] == edu["mappings"] == 2 * pieces(50_000) and edu["bounced"] == 0
    assert (edu["bytes_in"], edu["bytes_out"]) == (2 * 50_000, 50_000)
    assert result.stats["pool"]["slots"] == result.stats["pool"]["largest_run"] == 0


def test_a_failure_is_counted_by_reason(boot, module):
    """Two slots hold the way back alone."""
    result = boot("run=edu exit edu.direct=off swiotlb=4K", module=module(50_000))
    check_refused(result, "out of memory to bounce")
    assert result.stats["devices"]["edu0"]["failed"] == {"exhausted": 1}
    assert result.stats["pool"]["refused"] == {"exhausted": 1}
    assert result.stats["pool"]["used"] == 0


def test_misuse_is_counted_by_kind(boot):
    result = boot("ktest=edu.out_of_reach exit")
    check_passed(result)
    assert result.stats["misuse"] == {"gate: out of the device's reach": 1}
    assert result.stats["devices"]["edu0"]["gate_refused"] == 1


@pytest.mark.parametrize("words, rc", [("exit", 0), ("ktest=nosuch exit", 1), ("run=no exit", 1)])
def test_stats_come_just_before_the_end(boot, words, rc):
    result = boot(words)
    assert result.exit == rc
    assert re.search(r"^stats: \{.*\}\nbounce: exit [01]\n\Z", result.serial, re.M), result.report()


@pytest.mark.parametrize("words, warning", [
    ("edu.bounce=maybe", r"edu\.bounce=maybe: not one of auto, force; it stays auto"),
    ("edu0.bounce=", r"edu0\.bounce=: not one of"),
    ("edu7.bounce=force", r"nobody knows 'edu7\.bounce=force'"),
    ("swiotlb=4M,often", r"swiotlb=4M,often is not \[<bytes>"),
])
def test_unknown_values_are_named(boot, module, words, warning):
    data = module()
    result = boot(f"run=edu exit {words}", module=data)
    check_passed(result, data)
    assert result.has(warning), result.report()


def test_shell_says_the_same(setup, module):
    with qemu.Guest(setup("run=edu", module=module(50_000))) as guest:
        for line in ("stats", "dma", "swiotlb", "off"):
            guest.expect(r"^bounce> ")
            guest.send(line.encode() + b"\r")
        result = guest.finish()
    edu, pool = result.stats["devices"]["edu0"], result.stats["pool"]
    assert result.has(f"^  mappings {edu['mappings']}: bounced {edu['bounced']}, .*; "
                      f"live {edu['live']}, waited {edu['waited']}; lent {edu['lent']}$")
    assert result.has(f"^  bytes in {edu['bytes_in']}, out {edu['bytes_out']}; ")
    assert result.has(f"^mappings {pool['mappings']}, bytes in {pool['bytes_in']}, "
                      f"bytes out {pool['bytes_out']}$")
    assert result.has(f"^lent for long {edu['lent']}, of them 0 in pages$")
    assert result.has(f"^used 0, high water {pool['high_water']}, "
                      f"longest free run {pool['largest_run']} slots, ")
