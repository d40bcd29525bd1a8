# SPDX-License-Identifier: MIT
"""`bench=` and `make bench`: rows are well-formed, repeat to the digit, and cost no more than they
may."""
from __future__ import annotations

import subprocess
import sys

import bench
import floors
import pytest
import qemu
from conftest import ROOT
from judge import check_passed, check_refused

QUICK = "copy,sync,gate,pool,kmalloc,refusal"
NAMES = {"boot", "boot_more", "copy", "map", "unmap", "map_unmap", "map_sg", "unmap_sg", "ring",
         "map_aligned", "refusal", "largest", "sync", "gate", "pages", "coherent", "pool",
         "kmalloc", "metadata", "disk_copy"}


@pytest.fixture
def run(build):
    """A function that runs benches as `make bench` does."""
    def run(names: str, memory: str = "6G") -> qemu.Result:
        return qemu.run(bench.setup(build, memory, names))
    return run


@pytest.fixture(scope="module")
def rows(build):
    """All that `make bench` measures, once: who asks for it is of one group, so of one worker."""
    return bench.measure_all(build)


measured = pytest.mark.xdist_group("measured")


@measured
def test_rows_are_whole(rows):
    assert {row["name"] for row in rows} == NAMES
    for row in rows:
        assert tuple(row) == bench.KEYS + bench.FIGURES
        assert 0 < row["min"] <= row["median"] <= row["p99"] <= row["max"], row
        assert row["min"] <= row["mean"] <= row["max"] and row["overhead"] <= row["mean"], row
        assert row["mem_gib"] in (6, 64, 256)
    keys = [tuple(row[key] for key in bench.KEYS) for row in rows]
    assert len(set(keys)) == len(keys), "two rows of the same name"


@measured
@pytest.mark.parametrize("floor", floors.FLOORS, ids=lambda floor: floor.what)
def test_costs_no_more_than_it_may(rows, build, floor):
    if "clang" in (build / "flags").read_text().split()[0]:
        pytest.skip("the figures are gcc's")
    if not floor.kept(rows):
        pytest.fail(f"{floor.what}: {floor.ours(rows)}, not {floor.limit}", pytrace=False)


@measured
def test_refusals_say_why(rows):
    refusals = [row for row in rows if row["name"] == "refusal"]
    assert {row["case"] for row in refusals} == {"too big", "out of mask", "exhausted",
                                                 "fragmented", "min_align_mask", "boundary"}
    for row in refusals:
        assert (row["case"] == "exhausted") == (row["fill"] == 100), row


@measured
def test_figures_repeat_to_the_digit(run, rows):
    again = run(QUICK)
    check_passed(again)
    again = bench.parse(again.serial)
    assert again and all(row in rows for row in again)


@measured
def test_the_copy_is_taken_out(rows):
    """A copy is an instruction for 8 bytes and a little; bounced or not, `overhead` has none."""
    copies = {row["size"]: row["median"] for row in rows if row["name"] == "copy"}
    assert all(size // 8 < copies[size] < size // 8 + 32 for size in copies)
    mapped = [row for row in rows if row["name"] == "map_unmap" and row["path"] == "bounced"]
    assert {row["dir"] for row in mapped} == {"to", "from", "bidi"}
    for row in mapped:
        times = 1 if row["dir"] == "to" else 2
        contained = row["mean"] - row["overhead"]
        assert contained == pytest.approx(times * copies[row["size"]]), row


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


def test_markdown(tmp_path):
    """The README's table, of what was measured last."""
    bench.save(tmp_path / "bench.json", [row(name="gate", path="direct", overhead=12.0),
                                         row(name="metadata", case="slot", overhead=100.0)])
    bench.save(tmp_path / "bench-linux.json", [row(name="gate", path="bounced", linux="6.1")])
    done = subprocess.run([sys.executable, ROOT / "tools/bench.py", "--markdown", "--build",
                           tmp_path], capture_output=True, text=True, check=True)
    table = done.stdout.splitlines()
    assert table[0] == "| | Linux 6.1 | Bounce | |"
    assert "| gate, direct |  | 12 |  |" in table
    assert "| metadata a 2 KiB slot, in bits | 192 | 100 | 1.9x |" in table


def test_floors():
    floor = floors.Floor("gate", 20, {"name": "gate", "size": (64, 4096), "cache": "hit"})
    fine = row(name="gate", size=64, cache="hit", overhead=20.0)
    over = row(name="gate", size=4096, cache="hit", overhead=20.1)
    assert floor.kept([fine]) and floor.ours([fine]) == 20.0
    assert not floor.kept([fine, over]) and floor.ours([fine, over]) == 20.1
    assert not floor.kept([row(name="gate", size=64)]), "there is none"
    full = floors.Floor("gate", 20, {"name": "gate", "fill": (95, 99)})
    at_95, at_99 = (row(name="gate", fill=fill, overhead=20.0) for fill in (95, 99))
    assert full.kept([at_95, at_99]) and not full.kept([at_95]), "none at 99 %"
    assert floor.theirs([row(name="gate", size=64, overhead=5.0)]) == 5.0
    assert floor.times(20.0, 5.0) == 0.25 and floor.times(20.0, None) is None


def test_floors_of_other_figures():
    worst = floors.Floor("map", 20, {"name": "gate"}, floors.dearest)
    assert worst.ours([row(name="gate", mean=110.0, overhead=10.0, max=121)]) == 21.0
    size = floors.Floor("map", 2, {"name": "map"}, floors.size_in_kib, at_least=True)
    assert size.kept([row(name="map", size=2048)])
    assert not size.kept([row(name="map", size=2047), row(name="map", size=4096)])
    assert size.times(2.0, 1.0) == 2.0


def test_more_to_boot():
    boots = [row(name="boot", mem_gib=6, mean=10.0), row(name="gate", mem_gib=64),
             row(name="boot", mem_gib=256, mean=12.0)]
    (more,) = bench.more_to_boot(boots)
    assert (more["name"], more["mem_gib"], more["mean"]) == ("boot_more", 256, 2.0)
