# SPDX-License-Identifier: MIT
"""`bench=` and `make bench`: rows are well-formed, and repeat to the digit."""
from __future__ import annotations

import bench
import pytest
import qemu
from judge import check_passed, check_refused

QUICK = "boot,copy,map_unmap,sync,gate"


@pytest.fixture
def run(build):
    """A function that runs benches as `make bench` does."""
    def run(names: str, memory: str = "6G") -> qemu.Result:
        return qemu.run(bench.setup(build, memory, names))
    return run


@pytest.fixture(scope="module")
def rows(build):
    """Some rows, measured once."""
    result = qemu.run(bench.setup(build, "6G", QUICK))
    check_passed(result)
    return bench.parse(result.serial)


def test_rows_are_whole(rows):
    assert {row["name"] for row in rows} == {"boot", "copy", "map", "unmap", "map_unmap", "sync",
                                             "gate"}
    for row in rows:
        assert tuple(row) == bench.KEYS + bench.FIGURES
        assert 0 < row["min"] <= row["median"] <= row["p99"] <= row["max"], row
        assert row["min"] <= row["mean"] <= row["max"] and row["overhead"] <= row["mean"], row
        assert row["mem_gib"] == 6
    keys = [tuple(row[key] for key in bench.KEYS) for row in rows]
    assert len(set(keys)) == len(keys), "two rows of the same name"


def test_figures_repeat_to_the_digit(run, rows):
    again = run(QUICK)
    check_passed(again)
    assert bench.parse(again.serial) == rows


def test_the_copy_is_taken_out(rows):
    """A copy is an instruction for 8 bytes and a little; bounced or not, `overhead` has none."""
    copies = {row["size"]: row["median"] for row in rows if row["name"] == "copy"}
    assert all(size // 8 < copies[size] < size // 8 + 32 for size in copies)
    mapped = [row for row in rows if row["name"] == "map_unmap" and row["path"] == "bounced"]
    assert {row["dir"] for row in mapped} == {"to", "from", "bidi"}
    for row in mapped:
        times = 1 if row["dir"] == "to" else 2
        assert row["mean"] - row["overhead"] == times * copies[row["size"]], row


def test_list(run):
    listed = run("list")
    check_passed(listed)
    for name in QUICK.split(","):
        assert listed.has(rf"^{name} +\S")
    assert not bench.parse(listed.serial)


@pytest.mark.parametrize("names", ["nonsense", "gate,nonsense", "nonsense,gate"])
def test_unknown_name(run, names):
    result = run(names)
    check_refused(result, "^bench: there is no bench 'nonsense'")
    assert not bench.parse(result.serial), "nothing is measured, then"


def test_too_small_a_machine(run):
    check_refused(run("gate", memory="1G"), "^bench: not enough memory")


def row(**keys):
    figures = dict.fromkeys(bench.FIGURES, 0)
    return {**dict.fromkeys(bench.KEYS), **figures, **keys}


def test_table_beside_linux():
    ours = row(name="map_unmap", size=4096, path="bounced", cache="hit", mem_gib=6, mean=600.0,
               max=650, overhead=100.0)
    linux = row(name="map_unmap", size=4096, path="bounced", mem_gib=5, max=9000, overhead=2650.0)
    other = row(name="map_unmap", size=64, path="bounced", mem_gib=5, overhead=1.0)
    alone = bench.table([ours], [])
    both = bench.table([ours], [other, linux])
    assert "Linux" not in alone
    assert both.splitlines()[1].split()[-6:] == ["600", "650", "100", "2,650", "9,000", "26.5x"]


def test_floors():
    floor = bench.Floor("gate", "", 20, {"name": "gate", "size": (64, 4096)})
    fine = row(name="gate", size=64, overhead=20.0)
    over = row(name="gate", size=4096, overhead=20.1)
    assert floor.verdict([fine]) == (20.0, True)
    assert floor.verdict([fine, over]) == (20.1, False)
    assert floor.verdict([row(name="sync", size=64)]) == (None, False)
    worst = bench.Floor("map", "", 20, {"name": "gate"}, worst=True)
    assert worst.verdict([row(name="gate", mean=110.0, overhead=10.0, max=121)]) == (21.0, False)


def test_more_to_boot():
    boots = [row(name="boot", mem_gib=6, mean=10.0), row(name="gate", mem_gib=64),
             row(name="boot", mem_gib=256, mean=12.0)]
    (more,) = bench.more_to_boot(boots)
    assert (more["name"], more["mem_gib"], more["mean"]) == ("boot_more", 256, 2.0)
