# SPDX-License-Identifier: MIT
"""Machines, firmwares, CPUs, memory sizes and topologies, every pair of them."""
from __future__ import annotations

from judge import check_cases, check_passed
from pairs import pairwise

# Narrow, and wide enough to want no help below 4 GiB.
TWO_MASKS = ("edu,dma_mask=0x3ffffff", "edu,dma_mask=0xffffffff")

FACTORS = {
    "machine": ("pc", "q35"),
    "firmware": ("pvh", "bios", "uefi"),
    "cpu": ("kvm64", "kvm64,-nx", "qemu64", "Nehalem", "max"),
    "memory": ("128M", "3500M", "4500M", "6G", "64G"),
    "devices": ("none", "edu", "two", "bridge", "nested"),
    "place": ("high", "shuffle", "edge"),
}

DEVICES = {
    "none": (),
    "edu": ("edu",),
    "two": TWO_MASKS,
    "bridge": ("pci-bridge,id=bridge,chassis_nr=1", "edu,bus=bridge,addr=3"),
    "nested": ("pci-bridge,id=outer,chassis_nr=1",
               "pci-bridge,id=inner,bus=outer,chassis_nr=2,addr=2", "edu,bus=inner,addr=3"),
}


def allowed(row):
    """pc has nothing above 4 GiB at 3,500 MiB: that size is there for q35's split."""
    return not (row.get("machine") == "pc" and row.get("memory") == "3500M")


def name(row):
    return "-".join(str(value) for value in row.values())


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        rows = pairwise(FACTORS, allowed, metafunc.config.seed)
        metafunc.parametrize("row", rows, ids=name)


def test_row(boot, module, row):
    job = "" if row["devices"] == "none" else "run=edu"
    data = module(10_000) if job else None
    result = boot(f"ktest=all {job} place={row['place']} exit", module=data,
                  machine=row["machine"], firmware=row["firmware"], cpu=row["cpu"],
                  memory=row["memory"], devices=DEVICES[row["devices"]])
    cases = check_cases(result)
    check_passed(result, data)
    if row["devices"] == "none":
        assert any(case.skip for case in cases), "no device, and yet nothing was skipped"


def test_rows_hold_every_pair(seed):
    rows = pairwise(FACTORS, allowed, seed)
    names = list(FACTORS)
    for i, one in enumerate(names):
        for other in names[i + 1:]:
            want = {(a, b) for a in FACTORS[one] for b in FACTORS[other]
                    if allowed({one: a, other: b})}
            assert {(row[one], row[other]) for row in rows} == want
    assert len(rows) < 45, "the matrix outgrew its purpose"
