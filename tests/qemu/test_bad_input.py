# SPDX-License-Identifier: MIT
"""What is wrong from outside is named in a line, and the run ends as it should; nothing hangs."""
from __future__ import annotations

import shutil
import struct
import subprocess

import pytest
import qemu
from judge import check_cases, check_passed, check_refused

# 16 MiB above 4 GiB, and little below: small, and yet with something out of reach.
SPLIT = {"machine": "pc", "memory": "528M", "extra": ["-machine", "max-ram-below-4g=512M"]}


def boot_with_patched_map(setup, tmp_path, patch):
    """Start by PVH, stop at the entry, change what %ebx points at (Xen's hvm_start_info), go on."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not here")
    socket = tmp_path / "gdb"
    machine = setup("ktest=all exit", icount=False,
                    extra=["-S", "-gdb", f"unix:{socket},server=on,wait=off"])
    entry = pvh_entry(machine.build / "bounce.elf")
    commands = [f"target remote {socket}", f"hbreak *{entry:#x}", "continue", *patch, "detach"]
    words = ["gdb", "-q", "-nx", "-batch", "-ex", "set arch i386:x86-64"]
    for command in commands:
        words += ["-ex", command]
    with qemu.Guest(machine) as guest:
        while not socket.exists():
            guest.pump(0.05)
        done = subprocess.run(words, capture_output=True, text=True, timeout=qemu.PATIENCE)
        assert "detached" in done.stdout, done.stdout + done.stderr
        return guest.finish()


def pvh_entry(elf):
    """Of the note `Xen`, type 18 (XEN_ELFNOTE_PHYS32_ENTRY)."""
    image = elf.read_bytes()
    note = image.index(struct.pack("<II", 8, 18) + b"Xen\0")
    return struct.unpack_from("<Q", image, note + 12)[0]


def test_map_without_memory(setup, tmp_path):
    memmap_entries = "set {int}($rbx + 48) = 0"
    check_refused(boot_with_patched_map(setup, tmp_path, [memmap_entries]),
                  "memory: .*no usable memory", "give the machine memory")


def test_map_of_reserved_memory_only(setup, tmp_path):
    """Types are 16 bytes into each of the entries."""
    patch = ["set $map = *(long *)($rbx + 40)", "set $n = *(int *)($rbx + 48)", "set $i = 0",
             "while $i < $n\nset {int}($map + 24 * $i + 16) = 77\nset $i = $i + 1\nend"]
    script = tmp_path / "patch.gdb"
    script.write_text("\n".join(patch) + "\n")
    check_refused(boot_with_patched_map(setup, tmp_path, [f"source {script}"]),
                  "memory: .*no usable memory")


def test_map_of_wild_size(setup, tmp_path):
    """4 billion entries: bounded, and no wild access."""
    result = boot_with_patched_map(setup, tmp_path, ["set {int}($rbx + 48) = -1"])
    check_refused(result, "memory: .*no usable memory")


@pytest.mark.parametrize("firmware", ["pvh", "bios"])
def test_least_memory(boot, module, firmware):
    data = module()
    result = boot("ktest=all run=edu exit", memory="24M", firmware=firmware, module=data)
    check_cases(result)
    check_passed(result, data)


def test_less_than_least_memory(boot, module):
    """Served if it can be, refused with a line if not; it depends on the image's size."""
    data = module()
    result = boot("run=edu exit", memory="17M", module=data)
    if result.exit == 0:
        check_passed(result, data)
    else:
        check_refused(result, "give .* more")


def test_no_module(boot):
    check_refused(boot("run=edu exit"), "no boot module to send")


def test_module_larger_than_high_memory(boot, module):
    data = module(17 << 20)
    result = boot("run=edu exit", module=data, **SPLIT)
    check_passed(result, data)
    assert result.has("module .*find no room in the 16384 KiB above 4 GiB"), result.report()


def test_module_that_fits_in_no_second_place(boot, module):
    """It stays where the loader put it, and is sent from there."""
    data = module(40 << 20)
    result = boot("run=edu exit", module=data, memory="64M")
    check_passed(result, data)
    assert result.has("module .* 40960 KiB find no second place, it stays at"), result.report()


def test_host_module_larger_than_memory(boot, module):
    """By fw_cfg it needn't fit into memory to be there."""
    data = module(70 << 20)
    result = boot("run=edu exit", memory="64M",
                  extra=["-fw_cfg", f"name=opt/bounce/module,file={data}"])
    check_refused(result, "module .*no room for its 71680 KiB")


def test_pool_too_large(boot, module):
    data = module()
    result = boot("run=edu exit swiotlb=64G", module=data)
    check_passed(result, data)
    assert result.has(r"swiotlb: no room for 67108864 KiB, halved to \d+ KiB"), result.report()


@pytest.mark.parametrize("words", ["abc", "12X", "4M,often", "-1", "9999999999999999999G", ",",
                                   "0x"])
def test_pool_not_a_number(boot, module, words):
    data = module()
    result = boot(f"run=edu exit swiotlb={words}", module=data)
    check_passed(result, data)
    assert result.has(r"swiotlb=.* is not .*: 131072 KiB"), result.report()


def test_no_edu(boot, module):
    check_refused(boot("run=edu exit", devices=(), module=module()), "no edu device")


def test_interrupt_that_never_comes(boot, module):
    """Without an interrupt each transfer ends at its deadline; completed data isn't lost."""
    data = module(9_000)
    check_passed(boot("run=edu exit edu.irq=none", module=data), data)


@pytest.mark.parametrize("what, message", [
    ("ktest=nosuch", "no test 'nosuch'"),
    ("ktest=nosuch.case", "no test 'nosuch.case'"),
    ("run=nosuch", r"no job 'nosuch'(.|\n)*\bedu\b"),
    ("run=nosuch:with,arguments", "no job 'nosuch'"),
])
def test_what_is_not_there(boot, what, message):
    check_refused(boot(f"{what} exit"), message)


def test_half_of_it_fails(boot):
    """The worst result is the run's."""
    result = boot("ktest=string run=nosuch exit")
    check_cases(result)
    check_refused(result)


@pytest.mark.parametrize("word, name", [
    ("frobnicate=1", "frobnicate"),
    ("edu.frobnicate=1", r"edu\.frobnicate"),
    ("edu7.frobnicate", r"edu7\.frobnicate"),
    ("=1", "=1"),
    ("place=sideways", "place=sideways"),
    ("edu.mask=wide", r"mask=wide"),
    ("edu.mask=99", r"mask=99"),
    ("edu.irq=smoke", r"irq=smoke"),
    ("seed=seven", "seed=seven"),
    ("loglevel=chatty", "loglevel=chatty"),
])
def test_option_that_means_nothing(boot, module, word, name):
    """It is named in a warning, and does nothing else."""
    data = module(5_000)
    result = boot(f"run=edu exit {word}", module=data)
    check_passed(result, data)
    assert result.has(f"warning: .*{name}"), result.report()


@pytest.mark.parametrize("word", ["edu.mask=junk", "edu.probe=banana", "edu0.direct=17"])
def test_option_of_a_device_that_is_not_used(boot, word):
    result = boot(f"exit {word}")
    assert result.passed and result.has(f"warning: {word}"), result.report()


def test_no_local_apic(boot):
    check_refused(boot("ktest=all exit", cpu="qemu64,-apic", devices=()), "no local APIC")


def test_options_of_an_absent_device_are_known(boot):
    result = boot("edu.mask=28 edu1.irq=intx exit", devices=())
    assert result.passed and not result.has("warning: "), result.report()


def test_command_line_too_long(boot):
    result = boot("exit " + "x" * 3000)
    assert result.has("warning: .*(longer|cut|dropped|lost)"), result.report()
    assert result.passed


def test_host_command_line_too_long(setup, tmp_path):
    text = tmp_path / "cmdline"
    text.write_text("y" * 10_000)
    result = qemu.run(setup("exit", extra=["-fw_cfg", f"name=opt/bounce/cmdline,file={text}"]))
    assert result.has("warning: fw_cfg: opt/bounce/cmdline is 10000 bytes long"), result.report()
    assert result.passed


def test_pvh_module_wins_over_the_hosts(boot, module):
    here, there = module(3000, "here"), module(5000, "there")
    check_passed(boot("run=edu exit", module=here,
                      extra=["-fw_cfg", f"name=opt/bounce/module,file={there}"]), here)
