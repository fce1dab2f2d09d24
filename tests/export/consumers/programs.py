"""Find and run the programs, and read QEMU's own dump for comparison."""

import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.linux import Guest

ROOT = Path(__file__).resolve().parents[3]
INSTALL = "run tools/install"
#: Limit in seconds for a busy machine; crash may loop on a core that it cannot read.
TIMEOUT = 300
PT_LOAD = 1


def program(name: str) -> str:
    """Path of a program; skip the test if it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"no {name}: {INSTALL}")
    return found


def module(name: str) -> None:
    """Skip the test if a Python module is not installed."""
    if find_spec(name) is None:
        pytest.skip(f"no {name} in this environment: {INSTALL}")


def run(*argv: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program; it may fail."""
    return subprocess.run(
        [str(word) for word in argv],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT,
        env=os.environ | (env or {}),
    )


def python(script: str, *argv: object) -> str:
    """Output of a script of this folder."""
    done = run(sys.executable, ROOT / "tests/export/consumers" / script, *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def banner(guest: Guest) -> str:
    """The kernel's banner on the console."""
    match = re.search(r"\] (Linux version .*?)\r?\n", guest.console)
    assert match
    return match[1]


def loads(core: Path) -> Iterator[tuple[int, int, int]]:
    """Physical address, offset in the file and size of each PT_LOAD of an ELF64 core."""
    with core.open("rb") as file:
        data = file.read(1 << 12)
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, number = struct.unpack_from("<HH", data, 54)
    for index in range(number):
        kind, _, start, _, paddr, filesz = struct.unpack_from(
            "<IIQQQQ", data, offset + index * size
        )
        if kind == PT_LOAD:
            yield paddr, start, filesz


def addresses(core: Path, pattern: bytes) -> list[int]:
    """Guest-physical addresses of a pattern, by a core that QEMU wrote."""
    found = []
    with core.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for paddr, start, size in loads(core):
            place = view.find(pattern, start, start + size)
            while place >= 0:
                found.append(paddr + place - start)
                place = view.find(pattern, place + 1, start + size)
    return found


def registers(text: str) -> list[dict[str, int]]:
    """Registers of each CPU in QEMU's `info registers -a`, by gdb's names."""
    cpus = []
    for part in re.split(r"^CPU#\d+\r?$", text, flags=re.MULTILINE)[1:]:
        values = {
            name.strip().lower(): int(value, 16)
            for name, value in re.findall(r"\b(R(?!FL)[A-Z0-9]{1,2} ?|CR3)=([0-9a-f]{16})\b", part)
        }
        values["eflags"] = int(re.findall(r"RFL=([0-9a-f]+)", part)[0], 16)
        for segment, selector, base in re.findall(
            r"^([ECSDFG]S) =([0-9a-f]{4}) ([0-9a-f]{16})", part, re.MULTILINE
        ):
            values[segment.lower()] = int(selector, 16)
            if segment in ("FS", "GS"):
                values[f"{segment.lower()}_base"] = int(base, 16)
        cpus.append(values)
    return cpus
