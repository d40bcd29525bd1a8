# SPDX-License-Identifier: MIT
"""tools/packages.sh against machines that lack something."""
from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT
from test_run import Terminal

SCRIPT = ROOT / "tools/packages.sh"
NEEDED = ("gcc", "ld", "objdump", "qemu-system-x86_64", "grub-mkrescue", "xorriso", "mformat",
          "python3", "clang", "ld.lld", "gdb", "prove", "uname", "id", "env", "rm", "make",
          "cpio", "busybox", "ldd", "grep", "qemu-img", "mcopy")


@pytest.fixture
def machine(tmp_path):
    """A function that makes a PATH with just some commands, and an apt that notes its words."""
    for name in NEEDED:
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    fake = '#!/bin/sh\necho "$0 $*" >>%s/asked\n' % tmp_path
    for name in ("apt-get", "apt-cache", "sudo"):
        (tmp_path / name).write_text(fake + ("shift 2; exec \"$@\"\n" if name == "sudo" else ""))
        (tmp_path / name).chmod(0o755)

    def make(*without):
        for name in without:
            (tmp_path / name).unlink()
        return {"PATH": str(tmp_path), "PYTHON": sys.executable}
    return make


def packages(target, env):
    return subprocess.run(["/bin/sh", str(SCRIPT), target], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)


def asked(env):
    path = os.path.join(env["PATH"], "asked")
    return open(path).read() if os.path.exists(path) else ""


@pytest.mark.parametrize("target", ["run", "test", "debug", "bench"])
def test_nothing_is_missing(machine, target):
    env = machine()
    done = packages(target, env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked(env) == ""


def test_without_a_terminal_apt_is_asked_at_once(machine):
    env = machine("xorriso", "mformat")
    done = packages("run", env)
    assert done.returncode == 0
    assert "  xorriso (package xorriso)\n  mformat (package mtools)\n" in done.stderr
    assert re.search(r"apt-get install .* xorriso mtools$", asked(env), re.M)


def test_what_only_tests_need(machine):
    env = machine("gdb")
    assert packages("run", env).returncode == 0 and asked(env) == ""
    packages("test", env)
    assert re.search(r"apt-get install .* gdb$", asked(env), re.M)


def test_what_bench_needs(machine):
    env = machine("xorriso", "gdb", "cpio")
    assert packages("bench", env).returncode == 0 and asked(env) == "", "no image, no tests"
    env = machine("qemu-system-x86_64")
    packages("bench", env)
    assert re.search(r"apt-get install .* qemu-system-x86$", asked(env), re.M)


def test_what_bench_linux_needs(machine):
    env = machine("gcc", "make", "cpio", "busybox")
    packages("bench-linux", env)
    assert re.search(r"install .*(linux-headers-\S+ )?gcc make cpio busybox-static$", asked(env),
                     re.M)


def test_bench_linux_is_skipped_without_packages(machine, tmp_path):
    env = machine("cpio", "apt-get")
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(["make", "-s", "bench-linux"], cwd=ROOT, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("bench-linux: skipped: what it needs is not here"), done.stdout
    assert "cpio (package cpio)" in done.stderr


@pytest.mark.skipif(bool(glob.glob("/boot/vmlinuz-*")), reason="there is a kernel's image here")
def test_bench_linux_is_skipped_without_an_image(machine, tmp_path):
    env = machine("apt-get")
    for name in ("sh", "dirname", "mkdir", "ls", "sed", "sort", "tail"):
        (tmp_path / name).symlink_to(shutil.which(name))
    (tmp_path / "apt-get").symlink_to("/bin/false")
    done = subprocess.run([sys.executable, ROOT / "tools/bench.py", "--linux", "--build",
                           tmp_path / "build"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"bench-linux: skipped: no (image|headers) of .*\n", done.stdout)


def test_other_compilers(machine):
    env = machine("gcc", "clang")
    packages("run", {**env, "CC": "clang"})
    assert re.search(r"install .* clang$", asked(env), re.M)
    env = machine("ld")
    packages("run", {**env, "CROSS": "x86_64-linux-gnu-"})
    assert "x86_64-linux-gnu-gcc" in packages("run", {**env, "CROSS": "x86_64-linux-gnu-"}).stderr


def test_without_apt(machine):
    env = machine("xorriso", "apt-get")
    done = packages("run", env)
    assert done.returncode == 1
    assert "xorriso" in done.stderr and "no apt-get here" in done.stderr


def test_apt_fails(machine):
    env = machine("xorriso")
    with open(os.path.join(env["PATH"], "apt-get"), "a") as apt:
        apt.write("exit 100\n")
    done = packages("run", env)
    assert done.returncode == 1 and "could not install: xorriso" in done.stderr
    assert "apt-get update" in asked(env), "old lists are the usual reason"


@pytest.mark.parametrize("answer, code", [("\n", 0), ("y\n", 0), ("n\n", 1)])
def test_at_a_terminal_it_asks_once(machine, answer, code):
    env = machine("xorriso")
    variables = [f"{name}={value}" for name, value in env.items()]
    terminal = Terminal(["/usr/bin/env", "-i", *variables, "/bin/sh", str(SCRIPT), "run"])
    terminal.expect(r"Install with apt-get: xorriso\? \[Y/n\] ")
    terminal.type(answer)
    assert terminal.end() == code, terminal.screen
    assert ("install" in asked(env)) == (code == 0)
