#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Lines of code against the budget: without blanks and comments."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folders (or one driver's files) and what they may have.
BUDGET = [
    ("boot and kernel", ["boot/*.[chS]", "kernel/*.[chS]"], 4000),
    ("jobs: the main job and its report",
     ["kernel/jobs/[!d]*.[ch]", "kernel/jobs/direct.c"], 1000),
    ("jobs: disks", ["kernel/jobs/disk.[ch]"], 280),
    ("mm", ["mm/*.[ch]"], 1500),
    ("dma", ["dma/*.[ch]"], 3000),
    ("drivers: PCI, binding, probe",
     ["drivers/pci*.[ch]", "drivers/device*.[ch]", "drivers/reach*.[ch]"], 1000),
    ("drivers: LSI", ["drivers/lsi*.[ch]"], 900),
    ("drivers: SCSI", ["drivers/scsi*.[ch]"], 200),
    ("drivers: NVMe", ["drivers/nvme*.[ch]"], 900),
    ("drivers: disks, requests, their clock", ["drivers/block*.[ch]", "drivers/rtc*.[ch]"], 300),
    ("drivers: edu", ["drivers/edu*.[ch]"], 500),
    ("drivers: ivshmem", ["drivers/ivshmem*.[ch]"], 120),
    ("tests in C", ["tests/**/*.[ch]"], None),
    ("tests and tools in Python and sh", ["tests/**/*.py", "tools/**/*.py", "tools/*.sh"], None),
]


def code_lines(path):
    """Lines that hold more than blanks and comments."""
    text = path.read_text()
    if path.suffix in (".c", ".h", ".S"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"//[^\n]*", "", text)
    else:
        text = re.sub(r'^\s*#[^\n]*|^\s*""".*?"""', "", text, flags=re.S | re.M)
    return sum(1 for line in text.splitlines() if line.strip())


def main():
    for name, patterns, budget in BUDGET:
        files = sorted({f for p in patterns for f in ROOT.glob(p)})
        lines = sum(code_lines(f) for f in files)
        of = f"of {budget:5}  {100 * lines // budget:3} %" if budget else ""
        print(f"{name:37} {len(files):3} files {lines:6} lines {of}")


if __name__ == "__main__":
    main()
