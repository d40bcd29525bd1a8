# SPDX-License-Identifier: MIT
"""What NVMe disks do that others don't; what all do is in test_disks.py."""
from __future__ import annotations

import re

import qemu
from disks import SECTOR, random_image, raw, slow, throttled, visit

SIZE = 6_000 * SECTOR


def test_late_answers_and_namespaces(setup, tmp_path, seed):
    """What is in flight when no answer comes fails, and the controller goes on. It has more
    namespaces than are made disks, the next has none; nobody else notices."""
    late, good, other = (random_image(tmp_path / name, seed, SIZE)
                         for name in ("late", "good", "other"))
    extra = [*slow("x-bps-total=20000"), "-device", "nvme,id=many,serial=many,addr=0x10"]
    for n, disk in enumerate([throttled(raw(late)), raw(good), qemu.SCRATCH_DISK]):
        extra += ["-drive", f"if=none,id=ns{n},{disk}",
                  "-device", f"nvme-ns,bus=many,drive=ns{n},nsid={5 + n}"]
    extra += ["-device", "nvme,serial=none,addr=0x11"]
    with visit(setup("nvme0.timeout=1000", devices=[], extra=extra,
                     nvme=[(raw(other), "addr=0x12,use-intel-id=on")])) as shell:
        text = shell.refuses("run disk nvme0",
                             r"nvme0: no answer in time; reset with \d+ in flight")
        for line in (r"nvme0: read of 256 sectors at \d+ failed: no answer in time",
                     r"nvme0 could not be read: error 110",
                     r"nvme0: namespace 7: there are too many",
                     r"nvme1: 6000 sectors of 512 bytes, namespace 6 of nvme0",
                     r"nvme2: 6000 sectors of 512 bytes, namespace 1 of nvme2"):
            assert re.search(f"{line}$", text, re.M), text
        shell.hash("nvme1", good)
        shell.copy("nvme1", "nvme2")
        shell.hash("nvme2", good)
        shell.say("run disk nvme3", r"there is no disk 'nvme3'")
    assert other.read_bytes() == good.read_bytes()
