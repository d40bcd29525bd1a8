# SPDX-License-Identifier: MIT
"""What all tests over QEMU share: the build under test, and one seed.

The seed decides the order of the tests, the rows of the matrix, and goes to
every guest as `seed=`; it is printed in the header, and `--seed=<n>` replays.
"""
from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).resolve().parent)]

import qemu  # noqa: E402  (found through the path above)

pytest.register_assert_rewrite("judge")


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="replay the order and draws of that run")
    parser.addoption("--build", default="build", help="the build to test")


def pytest_configure(config):
    # A worker of xdist must draw as all the others: its seed is the controller's.
    seed = getattr(config, "workerinput", {}).get("seed", config.getoption("--seed"))
    config.seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed


class Xdist:
    """Hands the seed to the workers."""

    @staticmethod
    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(node):
        node.workerinput["seed"] = node.config.seed


def pytest_plugin_registered(plugin, manager):
    if manager.hasplugin("xdist") and not manager.hasplugin("bounce-xdist"):
        manager.register(Xdist, "bounce-xdist")


def pytest_report_header(config):
    return f"seed: {config.seed} (replay with --seed={config.seed})"


def pytest_collection_modifyitems(config, items):
    random.Random(config.seed).shuffle(items)


@pytest.fixture(scope="session")
def seed(request) -> int:
    return request.config.seed


@pytest.fixture(scope="session")
def build(request) -> Path:
    folder = ROOT / request.config.getoption("--build")
    if not (folder / "bounce.elf").exists():
        pytest.exit(f"{folder}/bounce.elf isn't there: make first")
    return folder


@pytest.fixture
def setup(build, seed):
    """A function that makes a Setup: PVH on q35 unless told otherwise; the guest gets the seed."""
    def make(cmdline: str = "", **other) -> qemu.Setup:
        return qemu.Setup(build=build, cmdline=f"seed={seed} {cmdline}".strip(), **other)
    return make


@pytest.fixture
def boot(setup):
    """A function that boots such a Setup and returns the Result."""
    def run(cmdline: str = "", timeout: float = qemu.PATIENCE, **other) -> qemu.Result:
        return qemu.run(setup(cmdline, **other), timeout)
    return run


@pytest.fixture
def module(tmp_path, seed):
    """A function that makes a file of random bytes to send through a device."""
    def make(size: int = 40_000, name: str = "module.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(random.Random(seed ^ size).randbytes(size))
        return path
    return make
