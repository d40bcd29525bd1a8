#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The layer check: dependencies point one way.

    main, shell, jobs -> drivers -> dma -> mm -> port.h

Proved twice: by what each file includes, and by what the compiled mm and dma
leave undefined, which must be no more than their port headers promise.

    tools/layers.py <build folder>
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The kernel's services, below the drivers; every other file of kernel/ stands on top of all.
SERVICES = ("cmdline console cpu exit format io irq log mmu panic backtrace printf string "
            "time trap trap_entry uart16550 uart16550_reg").split()
SERVICE_HEADERS = [f"kernel/{s}.h" for s in SERVICES]

# Which includes a layer may have: a header, or a folder where the name ends in "/".
LAYERS = {
    "mm": ["mm/"],
    "dma": ["dma/", "mm/"],
    "boot": ["boot/", "mm/types.h", "mm/errno.h", "kernel/io.h", "kernel/mmu.h",
             "kernel/string.h"],
    "services": SERVICE_HEADERS + ["mm/"],
    "drivers": ["drivers/", "dma/", "mm/", "kernel/machine.h"] + SERVICE_HEADERS,
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
PROTOTYPE = re.compile(r"\b(\w+)\s*\([^;{]*\)\s*;")


def layer_of(path):
    """The layer a source file belongs to; None: the top, where all is allowed."""
    if path.parts[0] == "kernel":
        return "services" if path.parts[1:] == (path.name,) and path.stem in SERVICES else None
    return path.parts[0]


def include_errors():
    """Includes that point up."""
    for path in sorted(ROOT.rglob("*.[chS]")):
        name = path.relative_to(ROOT)
        allowed = LAYERS.get(layer_of(name))
        if allowed is None:
            continue
        for header in INCLUDE.findall(path.read_text()):
            if not any(header.startswith(a) if a.endswith("/") else header == a for a in allowed):
                yield f"{name} includes {header}, which is above {layer_of(name)}"


def promised(*headers):
    """Functions that port headers declare."""
    text = "".join((ROOT / h).read_text() for h in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"__attribute__\(\(.*?\)\)\)?\s", "", text)
    return set(PROTOTYPE.findall(text))


def undefined(build, folders):
    """What the objects of these folders need and don't have among themselves."""
    objects = [str(o) for f in folders for o in sorted((build / f).glob("*.o"))]
    if not objects:
        sys.exit(f"layers: no objects of {folders} in {build}; build first")
    lines = subprocess.run(["nm", *objects], capture_output=True, text=True, check=True).stdout
    entries = [line.split() for line in lines.splitlines() if " " in line]
    needed = {e[1] for e in entries if len(e) == 2 and e[0] == "U"}
    # gcc names the offset table in passing, also where no code uses it.
    return needed - {e[2] for e in entries if len(e) == 3} - {"_GLOBAL_OFFSET_TABLE_"}


def symbol_errors(build):
    """Undefined symbols that no port header promises."""
    mm = ["mm/port.h", "kernel/port_inline.h"]
    for folders, ports in ((["mm"], mm), (["mm", "dma"], mm + ["dma/port.h"])):
        for symbol in sorted(undefined(build, folders) - promised(*ports)):
            yield f"{' and '.join(folders)} need {symbol}: not in {' or '.join(ports)}"


def main():
    errors = list(include_errors()) + list(symbol_errors(pathlib.Path(sys.argv[1])))
    for error in errors:
        print(f"layers: {error}")
    print("layers: kept" if not errors else f"layers: broken in {len(errors)} places")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
