# SPDX-License-Identifier: MIT
"""The one place that knows how to start QEMU, and how to read what a run left.

A run has three voices, and they are kept apart: the guest's serial port (a
socket), QEMU's own stdout (QEMU 7.2's edu prints its clamps there), and the
log of `-d guest_errors` (where later releases put them). The kernel says how
often it went beyond a device's reach on purpose; QEMU says how often it
happened; `Result.complaints()` is the referee between the two.

Always TCG: a figure must not depend on the host, and not every /dev/kvm is one.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")

# Every device that the kernel has a driver for, as `make run` and the in-kernel suites want it.
DEVICES: Tuple[str, ...] = ("edu",)

# What the suites inside the kernel want beyond: a SCSI controller and two disks to write on, and
# an NVMe disk.
SUITE_DEVICES = (*DEVICES, "lsi53c895a")
SCRATCH_DISK = "driver=raw,file.driver=null-co,file.size=64M,file.read-zeroes=on,snapshot=on"
SUITE_DISKS = (SCRATCH_DISK, SCRATCH_DISK)
SUITE_NVME = ((SCRATCH_DISK, "cmb_size_mb=1"),)

# A bridge, and behind it memory that the host sees too (`shared_memory()`), and an edu.
BRIDGE: Tuple[str, ...] = ("pci-bridge,id=bridge,chassis_nr=1",
                           "ivshmem-plain,memdev=shared,bus=bridge,addr=1",
                           "edu,bus=bridge,addr=2")

FIRMWARES = ("pvh", "bios", "uefi")
MACHINES = ("pc", "q35")

# UEFI firmware as Debian, Fedora and Arch install it: code and variables, or both in one file.
OVMF_SPLIT = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
)
OVMF_WHOLE = ("/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd", "/usr/share/edk2-ovmf/OVMF.fd")

ANSI = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>c78])")
PATIENCE = 300  # seconds: what any step may take, as on a machine that has much else to do
CLAMP = b"clamping DMA"
FIRST_TEST_LINE = b"KTAP version 1"


class QemuError(Exception):
    """A run that can't be started, or didn't end in time."""


def _ovmf() -> List[str]:
    for code, variables in OVMF_SPLIT:
        if os.path.exists(code) and os.path.exists(variables):
            drive = "if=pflash,format=raw,unit=%d,file=%s,%s"
            return ["-drive", drive % (0, code, "readonly=on"),
                    "-drive", drive % (1, variables, "snapshot=on")]
    for whole in OVMF_WHOLE:
        if os.path.exists(whole):
            return ["-bios", whole]
    raise QemuError("no UEFI firmware here (package ovmf, or edk2-ovmf)")


def _quoted(value: object) -> str:
    """As QEMU's option parser wants a value that may hold commas."""
    return str(value).replace(",", ",,")


def shared_memory(size: str = "1M", path: Optional[Path] = None) -> Tuple[str, str]:
    """Words for `Setup.extra`: what BRIDGE wants, in a file or in memory of its own."""
    backend = (f"memory-backend-file,mem-path={_quoted(path)},share=on" if path
               else "memory-backend-ram")
    return "-object", f"{backend},id=shared,size={size}"


@dataclass
class Setup:
    """A machine to boot, and what to tell the kernel; `command()` is QEMU's command line."""

    build: Path = Path("build")
    firmware: str = "pvh"
    machine: str = "q35"
    cpu: str = "qemu64"
    memory: str = "6G"
    devices: Sequence[str] = DEVICES
    disks: Sequence[str] = ()  # `-drive` options of SCSI disks, for a controller among the devices
    nvme: Sequence[Tuple[str, str]] = ()  # `-drive` options, and `-device nvme`'s beyond
    cmdline: str = ""
    module: Optional[Path] = None
    icount: bool = True  # instructions make the time; False: the host's clock does
    iso: Optional[Path] = None  # another than the build's
    from_disk: bool = False  # SeaBIOS: boot from the first disk that it finds, from no image
    kernel: Optional[Path] = None  # by PVH, another than the build's
    reboot: bool = False  # False: QEMU ends where the machine would start over
    extra: Sequence[str] = ()

    def image(self) -> Path:
        """What is booted."""
        if self.firmware == "pvh":
            return self.kernel or self.build / "bounce.elf"
        return self.iso or self.build / "bounce.iso"

    def _boot(self) -> List[str]:
        if self.firmware == "pvh":
            # strict: SeaBIOS, which this passes through, sets up no disks, or an NVMe controller's
            # queues would lie where QEMU puts the module.
            args = ["-kernel", str(self.image()), "-boot", "strict=on"]
            args += ["-append", self.cmdline] if self.cmdline else []
            args += ["-initrd", str(self.module)] if self.module else []
            return args
        args = [] if self.from_disk else ["-cdrom", str(self.image())]
        if self.cmdline:
            args += ["-fw_cfg", "name=opt/bounce/cmdline,string=" + _quoted(self.cmdline)]
        if self.module:
            args += ["-fw_cfg", "name=opt/bounce/module,file=" + _quoted(self.module)]
        return args + (_ovmf() if self.firmware == "uefi" else [])

    def _icount(self) -> List[str]:
        # 2^shift ns an instruction. Firmware and GRUB poll clocks, GRUB the 8254 for 55 ms: at one
        # instruction a nanosecond that alone takes seconds. The kernel finds out what a tick is.
        shift = 0 if self.firmware == "pvh" else 5
        return ["-icount", f"shift={shift},sleep=off"] if self.icount else []

    def _machine(self) -> str:
        words = f"{self.machine},accel=tcg,memory-backend=ram"
        # SeaBIOS, which PVH passes through, looks for disks: a billion instructions on q35.
        return words + (",sata=off" if (self.machine, self.firmware) == ("q35", "pvh") else "")

    def _memory(self) -> List[str]:
        # reserve=off: a host with less memory than the guest pays only for what is touched.
        return ["-m", self.memory,
                "-object", f"memory-backend-ram,id=ram,size={self.memory},reserve=off"]

    def command(self, serial: Sequence[str] = ("-serial", "stdio")) -> List[str]:
        """The words to run, with the serial port as `serial` has it."""
        args = [QEMU, "-nodefaults", *([] if self.reboot else ["-no-reboot"]), "-display", "none",
                "-machine", self._machine(), "-cpu", self.cpu]
        args += self._memory() + self._boot()
        args += self._icount()
        for device in self.devices:
            args += ["-device", device]
        for n, disk in enumerate(self.disks):
            args += ["-drive", f"if=none,id=disk{n},{disk}", "-device", f"scsi-hd,drive=disk{n}"]
        for n, (disk, options) in enumerate(self.nvme):
            args += ["-drive", f"if=none,id=nvme{n},{disk}", "-device",
                     ",".join(filter(None, (f"nvme,serial={n},drive=nvme{n}", options)))]
        args += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
        return args + list(serial) + list(self.extra)

    def check(self) -> None:
        """Complain in words about what QEMU would only mumble of."""
        if self.firmware not in FIRMWARES:
            raise QemuError(f"FIRMWARE={self.firmware}: it is one of {', '.join(FIRMWARES)}")
        if self.machine not in MACHINES:
            raise QemuError(f"MACHINE={self.machine}: it is one of {', '.join(MACHINES)}")
        if not re.fullmatch(r"[1-9][0-9]*[MG]", self.memory):
            raise QemuError(f"MEM={self.memory}: it is a number with M or G, such as 6G")
        if not shutil.which(QEMU):
            raise QemuError(f"{QEMU} is not here (package qemu-system-x86)")
        for path in filter(None, (self.image(), self.module)):
            if not Path(path).is_file():
                raise QemuError(f"{path}: no such file")


def sha256(path: Path) -> str:
    """The host's own word on what the kernel was given."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def clean(raw: bytes) -> str:
    """Serial output as lines of text: no carriage returns, no terminal codes of the firmware's."""
    return ANSI.sub("", raw.decode("utf-8", "replace")).replace("\r", "")


@dataclass
class Result:
    """What a run left behind."""

    command: List[str]
    rc: int
    serial: str
    stdout: bytes = b""
    stderr: str = ""
    log: bytes = b""
    seconds: float = 0.0
    first_ktap: Optional[float] = None  # QEMU's CPU seconds until the first test line

    @property
    def exit(self) -> Optional[int]:
        """n of the last line, `bounce: exit n`; None where that isn't the last line."""
        lines = self.serial.rstrip("\n").rsplit("\n", 1)
        last = re.fullmatch(r"bounce: exit ([0-9]+)", lines[-1])
        return int(last.group(1)) if last else None

    @property
    def passed(self) -> bool:
        """Both must say so: QEMU also ends with 1 when it can't start."""
        return self.rc == 1 and self.exit == 0

    @property
    def clamps_outside(self) -> int:
        """Violations that QEMU saw. It writes them without a newline, so they are not lines."""
        return self.stdout.count(CLAMP) + self.log.count(CLAMP)

    @property
    def strays(self) -> List[str]:
        """What else QEMU logged: DMA or CPU accesses to where nothing is. OVMF looks for a TPM."""
        lines = self.log.decode("utf-8", "replace").splitlines()
        return [line for line in lines if "clamping DMA" not in line and "addr 0xFED4" not in line]

    @property
    def clamps_inside(self) -> int:
        """Violations that the kernel says it made on purpose, since boot: its last word counts."""
        said = re.findall(r"^ *(?:# )?clamps ([0-9]+)$", self.serial, re.M)
        return int(said[-1]) if said else 0

    @property
    def stats(self) -> dict:
        """The counters of the last `stats:` line; kernel/show_stats.c documents the keys."""
        return json.loads(re.findall(r"^stats: (.*)$", self.serial, re.M)[-1])

    def sha256(self, which: str) -> List[str]:
        """The hashes that the kernel printed for `in` or `out`."""
        return re.findall(rf"^\s*sha256 ([0-9a-f]{{64}})\s+{which}$", self.serial, re.M)

    def has(self, pattern: str) -> bool:
        return re.search(pattern, self.serial, re.M) is not None

    def complaints(self, want: Optional[str] = None) -> Iterator[str]:
        """The verdict from outside: nothing, or what doesn't agree. `want`: the file's sha256."""
        if self.clamps_outside != self.clamps_inside:
            yield (f"QEMU reported {self.clamps_outside} clamps, "
                   f"the kernel made {self.clamps_inside} on purpose")
        if want is None:
            return
        for which in ("in", "out"):
            got = self.sha256(which)
            if not got:
                yield f"the kernel printed no sha256 of what went {which}"
            for digest in got:
                if digest != want:
                    yield f"sha256 {which} is {digest}, the file's is {want}"

    def report(self, lines: int = 60) -> str:
        """For a person who wants to know why it failed."""
        tail = "\n".join(self.serial.splitlines()[-lines:])
        return (f"{shlex.join(self.command)}\nQEMU's exit code {self.rc}, {self.seconds:.1f} s\n"
                f"{self.stderr}--- serial, the end ---\n{tail}\n---")


class Guest:
    """A running QEMU; its serial port is `self.serial`, filled by `pump()`.

    Use it as a context: at the end QEMU is gone, whatever happened.
    """

    def __init__(self, setup: Setup):
        setup.check()
        self._folder = Path(tempfile.mkdtemp(prefix="bounce-"))
        self._socket, theirs = socket.socketpair()
        self.command = setup.command(self._serial(theirs.fileno()))
        self.serial = bytearray()
        self.first_ktap: Optional[float] = None
        self._searched = 0  # expect() has read this far
        self._start = time.monotonic()
        with self._file("stdout", "wb") as out, self._file("stderr", "wb") as err:
            self._qemu = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=err, pass_fds=[theirs.fileno()])
        theirs.close()

    def _file(self, name: str, mode: str):
        return open(self._folder / name, mode)

    def _serial(self, fd: int) -> List[str]:
        return ["-chardev", f"socket,id=serial,fd={fd}", "-serial", "chardev:serial",
                "-d", "guest_errors", "-D", str(self._folder / "log")]

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def pump(self, timeout: float = 0.0) -> Optional[bytes]:
        """What the guest said, waiting at most `timeout` seconds; None once QEMU has ended."""
        if not select.select([self._socket], [], [], max(timeout, 0))[0]:
            return b""
        try:
            data = self._socket.recv(65536)
        except ConnectionError:
            data = b""
        self.serial += data
        if self.first_ktap is None and FIRST_TEST_LINE in self.serial:
            self.first_ktap = self._cpu_seconds()
        return data or None

    def _cpu_seconds(self) -> float:
        """What QEMU has used so far: the time that passed, were the machine idle."""
        fields = Path(f"/proc/{self._qemu.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")

    def send(self, data: bytes, timeout: float = PATIENCE) -> None:
        """Type `data`. Reads meanwhile, or guest and host would wait for each other."""
        deadline = time.monotonic() + timeout
        while data:
            left = deadline - time.monotonic()
            if left <= 0:
                raise QemuError(f"the guest takes no input, {len(data)} bytes are left")
            _, writable, _ = select.select([], [self._socket], [], min(left, 0.05))
            if writable:
                data = data[self._socket.send(data[:256]):]
            self.pump()

    def expect(self, pattern: str, timeout: float = PATIENCE) -> "re.Match[str]":
        """Wait for `pattern` (multi-line) in what came after the last expect()."""
        deadline = time.monotonic() + timeout
        ended = False
        while True:
            text = clean(bytes(self.serial))
            match = re.compile(pattern, re.M).search(text, self._searched)
            if match:
                self._searched = match.end()
                return match
            if ended or time.monotonic() > deadline:
                why = "QEMU has ended" if ended else f"not within {timeout} s"
                raise QemuError(f"no {pattern!r} ({why}) in:\n{text[self._searched:]}")
            data = self.pump(0.1)
            ended = data is None
            while data and time.monotonic() < deadline:  # what comes at once is searched at once
                data = self.pump(0.002)

    def stop(self) -> None:
        """End QEMU; politely at first, so that it writes out what its stdout still holds."""
        for end in (self._qemu.terminate, self._qemu.kill):
            if self._qemu.poll() is not None:
                return
            end()
            try:
                self._qemu.wait(5)
            except subprocess.TimeoutExpired:
                pass

    def result(self) -> Result:
        """The run as it stands; QEMU has ended or is ended."""
        self.stop()
        while self.pump():
            pass
        log = self._folder / "log"
        with self._file("stdout", "rb") as out, self._file("stderr", "rb") as err:
            return Result(command=self.command, rc=self._qemu.returncode,
                          serial=clean(bytes(self.serial)), stdout=out.read(),
                          stderr=err.read().decode("utf-8", "replace"),
                          log=log.read_bytes() if log.exists() else b"",
                          seconds=time.monotonic() - self._start, first_ktap=self.first_ktap)

    def finish(self, timeout: float = PATIENCE) -> Result:
        """Wait until QEMU ends by itself."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.pump(deadline - time.monotonic()) is None:
                try:
                    self._qemu.wait(max(deadline - time.monotonic(), 1))
                except subprocess.TimeoutExpired:
                    break
                return self.result()
        result = self.result()
        raise QemuError(f"not ended within {timeout} s\n{result.report()}")


def run(setup: Setup, timeout: float = PATIENCE) -> Result:
    """Boot, wait until it ends, and say what came of it."""
    with Guest(setup) as guest:
        return guest.finish(timeout)
