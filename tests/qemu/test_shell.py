# SPDX-License-Identifier: MIT
"""The shell, typed at through the serial port."""
from __future__ import annotations

import re

import pytest
import qemu
from judge import check_referee

PROMPT = r"^bounce> "


@pytest.fixture
def shell(setup, module):
    """A guest that waits at its prompt."""
    with qemu.Guest(setup(module=module(6_000))) as guest:
        guest.expect(PROMPT)
        yield guest


def say(guest, line, answer, timeout=qemu.PATIENCE):
    guest.send(line.encode() + b"\r")
    match = guest.expect(answer, timeout)
    guest.expect(PROMPT, timeout)
    return match


@pytest.mark.parametrize("line, answer", [
    ("help", r"zones(.|\n)*swiotlb|swiotlb(.|\n)*zones"),
    ("mem", r"MiB|KiB|0x"),
    ("zones", r"DMA(.|\n)*NORMAL"),
    ("swiotlb", r"longest free run [0-9]+ slots"),
    ("dma", r"edu0: mask "),
    ("stats", r'^stats: \{"pool": '),
    ("devices", r"edu0"),
    ("run edu", r"sha256 [0-9a-f]{64}\s+out\n"),
    ("test", r"^ok 1 "),
    ("log", r"^\[ +[0-9]+\.[0-9]+\] "),
    ("run", r"edu"),
    ("run nosuch", r"nosuch"),
    ("test nosuch", r"no test 'nosuch'"),
    ("nosuch", r"nosuch.*(help|unknown|no )"),
])
def test_command(shell, line, answer):
    say(shell, line, answer)


def test_off_ends_with_0(shell):
    shell.send(b"off\r")
    assert shell.finish().passed


def test_off_after_failure(shell):
    """Leaving the shell is what was asked for, whatever failed in it before."""
    say(shell, "run nosuch", "nosuch")
    shell.send(b"off\r")
    assert shell.finish().passed


def test_reboot(shell):
    shell.send(b"reboot\r")
    assert shell.finish().rc == 0, "-no-reboot: QEMU ends"


def test_referee_over_several_runs(shell):
    for line in ("run edu", "test", "run edu"):
        say(shell, line, r"sha256 [0-9a-f]{64}\s+out\n|^(not )?ok 1 ")
    shell.send(b"off\r")
    check_referee(shell.finish())


@pytest.mark.parametrize("keys", [
    b"zonex\x7fs\r",  # backspace
    b"ones\x01z\r",  # home, as ^A
    b"zone\x1b[H\x1b[Fs\r",  # Home, End
    b"zoes\x1b[D\x1b[Dn\r",  # left twice
    b"zXones\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[3~\r",  # left, delete
    b"rubbish\x15zones\r",  # ^U
    b"rubbish zones\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x02\x15\x15zones\x0b\r",
    b"rubbish\x17zones\r",  # ^W
    b"rubbish\x03zones\r",  # ^C: a new line
    b"zonesrubbish" + b"\x1b[D" * 7 + b"\x0b\r",  # left, ^K
])
def test_line_editing(shell, keys):
    shell.send(keys)
    shell.expect(r"DMA(.|\n)*NORMAL")


def test_arrow_up_repeats(shell):
    say(shell, "zones", r"NORMAL")
    say(shell, "devices", r"edu0")
    shell.send(b"\x1b[A\x1b[A\r")
    shell.expect(r"NORMAL")
    shell.expect(PROMPT)
    shell.send(b"\x1b[A\x1b[A\x1b[B\r")
    shell.expect(r"NORMAL|edu0")


def test_pasted_input_is_not_lost(shell):
    """4 KiB at once: each line is answered, in order."""
    lines = [f"nosuch{n:04}" for n in range(4096 // 11)]
    shell.send("".join(line + "\r" for line in lines).encode())
    shell.send(b"off\r")
    result = shell.finish(60)
    answered = re.findall(r"^(?!.*> ).*\b(nosuch[0-9]{4})\b", result.serial, re.M)
    assert [line for i, line in enumerate(answered) if i == 0 or answered[i - 1] != line] == lines


def test_long_line_and_rubbish_do_no_harm(shell):
    shell.send(b"a" * 5000 + b"\r")
    shell.send(bytes(range(128, 256)) + b"\x00\x1b[99~\x1bO\x1b[\x1b\x15\x03\r")
    say(shell, "zones", r"NORMAL")
    shell.send(b"off\r")
    assert shell.finish().passed


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_shell_on_firmware(setup, firmware):
    with qemu.Guest(setup(firmware=firmware, icount=False)) as guest:
        guest.expect(PROMPT)
        say(guest, "devices", "edu0")
        guest.send(b"off\r")
        assert guest.finish().passed
