# SPDX-License-Identifier: MIT
"""Every suite inside the kernel, with every device there is a driver for."""
from __future__ import annotations

import re
import shutil
import subprocess

import ktap
import pytest
import qemu
from conftest import ROOT
from disks import visit
from judge import check_cases, check_passed
from qemu import (BRIDGE, DEVICES, SUITE_DEVICES, SUITE_DISKS, SUITE_NVME,
                  shared_memory)


# What only reads the run of everything, one worker does: it takes long.
reads_whole = pytest.mark.xdist_group("whole")

EVERYTHING = {"devices": [*DEVICES, *SUITE_DEVICES, *BRIDGE], "disks": SUITE_DISKS,
              "nvme": SUITE_NVME, "extra": shared_memory()}


def check_none_skipped(cases):
    skipped = [f"{case.name}: {case.skip}" for case in cases if case.skip is not None]
    assert not skipped, f"all devices are there, yet skipped: {skipped}"


def test_all_suites(boot):
    result = boot("ktest=all exit", **EVERYTHING)
    check_none_skipped(check_cases(result))
    check_passed(result)


@pytest.mark.parametrize("place", ["low", "shuffle", "edge"])
def test_device_suites(setup, place):
    """What depends on where buffers lie: the suites that have sources of the kernel's own."""
    kernels = {path.name.split("_")[0] for path in (ROOT / "tests/kernel").glob("*_test.c")}
    assert {"edu", "lsi", "nvme", "bridge"} <= kernels
    with visit(setup(f"place={place}", **EVERYTHING), suites=True) as shell:
        suites = set(re.findall(r"^(\w+)\.\w+$", shell.say("test list"), re.M))
        for suite in sorted(suite for suite in suites if suite.split("_")[0] in kernels):
            (run,) = ktap.parse(shell.say(f"test {suite}", rf"^ok 1 {suite}$"))
            check_none_skipped(run.leaves())


def test_all_suites_in_real_time(boot):
    check_passed(boot("ktest=all exit", icount=False))


@pytest.fixture(scope="session")
def whole(build, seed):
    """One run of everything, for those who only read it."""
    return qemu.run(qemu.Setup(build=build, cmdline=f"seed={seed} ktest=all exit"))


@reads_whole
def test_list_names_what_runs(boot, whole):
    listed = boot("ktest=list exit")
    assert listed.passed, listed.report()
    names = {line for line in listed.serial.splitlines() if re.fullmatch(r"\w+\.\w+", line)}
    assert names == {case.name for case in check_cases(whole)}


@reads_whole
def test_one_case_and_one_suite(boot, whole, seed):
    everything = {case.name for case in check_cases(whole)}
    name = sorted(everything)[seed % len(everything)]
    suite = name.split(".")[0]
    assert [case.name for case in check_cases(boot(f"ktest={name} exit", **EVERYTHING))] == [name]
    assert {case.name for case in check_cases(boot(f"ktest={suite} exit", **EVERYTHING))} == {
        other for other in everything if other.startswith(suite + ".")}


def test_order_follows_the_seed(boot):
    def order(seed):
        return [case.name for case in check_cases(boot(f"ktest=memmap seed={seed} exit"))]
    assert order(1) == order(1)
    assert sorted(order(1)) == sorted(order(2)) and order(1) != order(2)


@reads_whole
def test_seed_is_printed_first(whole, seed):
    assert whole.has(rf"^KTAP version 1\n# seed {seed}\n1\.\.[0-9]+$")


@reads_whole
def test_log_is_read_by_prove(whole, tmp_path):
    if not shutil.which("prove"):
        pytest.skip("perl's prove is not here")
    log = tmp_path / "serial.log"
    log.write_text(whole.serial)
    good = subprocess.run(["prove", "-e", "cat", str(log)], capture_output=True, text=True)
    assert good.returncode == 0 and "PASS" in good.stdout, good.stdout + good.stderr
    suites = len(ktap.parse(log.read_text()))
    assert f"Tests={suites}," in good.stdout
    log.write_text(log.read_text().replace("\nok 1 ", "\nnot ok 1 "))
    assert subprocess.run(["prove", "-e", "cat", str(log)], capture_output=True).returncode != 0
