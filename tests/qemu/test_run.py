# SPDX-License-Identifier: MIT
"""`make run` as users meet it: without a terminal, at one, and with what can't work."""
from __future__ import annotations

import os
import pty
import re
import resource
import select
import subprocess
import sys
import time

import pytest
import qemu
from conftest import ROOT


def command(build, *words):
    return [sys.executable, str(ROOT / "tools/run.py"), "--build", str(build), *map(str, words)]


def run(build, *words):
    return subprocess.run(command(build, *words), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=qemu.PATIENCE)


class Terminal:
    """run.py at a pseudo-terminal."""

    def __init__(self, words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(words[0], words)
        self.raw = b""
        self.seen = 0

    @property
    def screen(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def read(self) -> bool:
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.raw += data
        return bool(data)

    def expect(self, pattern, timeout=qemu.PATIENCE):
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.screen[self.seen:], re.M)
            if match:
                self.seen += match.end()
                return
            ready, _, _ = select.select([self.fd], [], [], max(deadline - time.monotonic(), 0))
            assert ready and self.read(), f"no {pattern!r} in\n{self.screen}"

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self) -> int:
        while self.read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def cpu_seconds():
    """Of all children that have ended: what the clock would show, were the machine idle."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_without_a_terminal(build):
    before = cpu_seconds()
    done = run(build)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cpu_seconds() - before < 10
    want = qemu.sha256(next(p for p in (ROOT / "README.md", ROOT / "LICENSE") if p.exists()))
    assert re.search(rf"^host: sha256 {want} ", done.stdout, re.M)
    assert re.search(r"^host: QEMU reported (\d+) clamps, the kernel made \1 on purpose$",
                     done.stdout, re.M)


@pytest.mark.parametrize("machine, firmware", [("pc", "bios"), ("q35", "pvh"), ("q35", "uefi")])
def test_output_begins_with_the_kernel(build, module, firmware, machine):
    done = run(build, "--firmware", firmware, "--machine", machine, "--file", module())
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"Bounce|\[ ", done.stdout), done.stdout
    assert "\x1b" not in done.stdout and "\r" not in done.stdout


@pytest.mark.parametrize("words, message", [
    (["--file", "/no/such/file"], r"FILE=/no/such/file: no such file"),
    (["--file", "/"], r"FILE=/: no such file"),
    (["--file", "/dev/null"], r"FILE=/dev/null"),
    (["--memory", "lots"], r"MEM=lots"),
    (["--machine", "vax"], r"MACHINE=vax.* pc, q35"),
    (["--firmware", "forth"], r"FIRMWARE=forth.* pvh, bios, uefi"),
    (["--cpu", "z80"], r"unable to find CPU model 'z80'"),
    (["--qemu-args=-device frobnicator"], r"frobnicator"),
])
def test_what_cannot_be_started(build, words, message):
    done = run(build, *words)
    assert done.returncode == 1
    assert re.search(message, done.stdout + done.stderr), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_empty_file(build, tmp_path):
    (tmp_path / "empty").touch()
    done = run(build, "--file", tmp_path / "empty")
    assert done.returncode == 1 and "is empty" in done.stderr


def test_odd_file_names(build, module):
    data = module(name="a,b=c ü'.bin")
    assert run(build, "--file", data).returncode == 0
    assert run(build, "--file", data, "--firmware", "pvh").returncode == 0


def test_kernel_and_qemu_take_more_words(build, module):
    done = run(build, "--file", module(), "--args", "frobnicate=1", "--firmware", "pvh",
               "--qemu-args", "-global edu.dma_mask=0xffffff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "frobnicate" in done.stdout and "reach 24 bits" in done.stdout


def test_a_failed_run_fails(build):
    done = run(build, "--args", "ktest=nosuch", "--firmware", "pvh")
    assert done.returncode == 1


def test_at_a_terminal(build, module):
    terminal = Terminal(command(build, "--file", module()))
    terminal.expect(r"Leave: off")
    terminal.expect(r"sha256 [0-9a-f]{64}\s+out")
    terminal.expect(r"^bounce> ")
    for _ in range(5):
        terminal.type("zones\r")
        terminal.expect(r"\Azones\r+\nzone .*\n *DMA .*\n *NORMAL .*\n(.+\n)+bounce> ")
    terminal.type("off\r")
    assert terminal.end() == 0, terminal.screen
    assert re.search(r"host: QEMU reported (\d+) clamps, the kernel made \1 on purpose",
                     terminal.screen)
    assert "EDU: clamping" not in terminal.screen


def test_leaving_a_terminal_at_the_prompt(build, module):
    terminal = Terminal(command(build, "--file", module()))
    terminal.expect(r"^bounce> ")
    terminal.type("\x1d")
    assert terminal.end() == 0, terminal.screen
    assert "host: QEMU reported" in terminal.screen


def test_leaving_a_terminal_in_the_middle(build, module):
    """Nobody is accused of what a job had no time to say."""
    terminal = Terminal(command(build, "--file", module(8 << 20), "--firmware", "pvh"))
    terminal.expect(r"edu0: reach")
    terminal.type("\x1d")
    assert terminal.end() == 0, terminal.screen
    assert "no verdict" in terminal.screen and "FAILED" not in terminal.screen


@pytest.mark.parametrize("words", [("--cpu", "nosuch"), ("--qemu-args=-nosuch",)])
def test_qemu_that_does_not_start(build, words):
    """At a terminal too that is a failure, and QEMU's own words are what is shown."""
    done = run(build, *words)
    assert done.returncode == 1 and "nosuch" in done.stdout and "sha256" not in done.stdout
    terminal = Terminal(command(build, *words))
    assert terminal.end() == 1 and "nosuch" in terminal.screen


def test_a_file_that_does_not_come_back(build):
    """The host says so at a terminal too, where the kernel ends well."""
    terminal = Terminal(command(build, "--firmware", "pvh", "--args=swiotlb=4K"))
    terminal.expect(r"did NOT come back")
    terminal.expect(r"^bounce> ")
    terminal.type("off\r")
    assert terminal.end() == 1 and "nothing came back to compare" in terminal.screen


def test_reboot_at_a_terminal(build):
    terminal = Terminal(command(build, "--firmware", "pvh"))
    for _ in range(2):
        terminal.expect(r"^bounce> ")
        terminal.type("reboot\r")
    terminal.expect(r"^Bounce by pvh")
    terminal.type("\x1d")
    assert terminal.end() == 0, terminal.screen


@pytest.mark.parametrize("firmware, memory", [("bios", "16M"), ("uefi", "24M"), ("pvh", "6144")])
def test_memory_that_can_not_do(build, firmware, memory):
    done = run(build, "--firmware", firmware, "--memory", memory)
    assert done.returncode == 1 and f"MEM={memory}" in done.stderr


def test_a_killed_run_leaves_nothing(build, module, tmp_path):
    """A terminal that is closed, a runner's time-out: QEMU goes with run.py."""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    words = command(build, "--file", module(), "--firmware", "pvh", "--qemu-args=-S")
    killed = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)
    while not list(tmp_path.glob("bounce-*/stderr")):
        assert killed.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    killed.terminate()
    assert killed.wait(20) == 128 + 15
    assert not list(tmp_path.glob("bounce-*"))
