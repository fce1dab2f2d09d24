"""Make the committed save images: small files written by a real libvirt, each for one reason.

    python -m tools.libvirt.samples [NAME ...]

makes the named samples, or all, as tests/fixtures/libvirt-NAME.tar.gz, and describes them in
tests/fixtures/libvirt.json. Guests have no firmware except ours, and their memory is filled with
the pattern of the fixture `pc`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mappedram
from tools.libvirt.daemon import Daemon, LibvirtError, domain_xml, unusable
from tools.qemu import manifest, pattern
from tools.qemu.fixtures import archive
from tools.qemu.recipe import Fill
from tools.qemu.table import PC_RAM

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"
MANIFEST = FIXTURES / "libvirt.json"
#: The XML of every sample has this path, with the firmware in it.
DIRECTORY = Path("/tmp/mappedram-libvirt")
HEADER = struct.Struct("16s5I56s")
GUEST = "guest"


@dataclass(frozen=True)
class Sample:
    """Recipe of one image, and its reason."""

    name: str
    reason: str
    make: Callable[[Path], tuple[tuple[str, ...], ...]]
    synthetic: bool = False


def start(daemon: Daemon) -> None:
    """Start the guest, stopped, with the pattern in its memory."""
    path = daemon.directory / "domain.xml"
    path.write_text(domain_xml(daemon, GUEST))
    daemon.virsh("create", path, "--paused")
    fill(daemon.ram(GUEST), PC_RAM)


def fill(memory: Path, what: Fill) -> None:
    """Put the pattern into the memory of a guest, which is a file."""
    with memory.open("r+b") as file:
        for first, last in what.runs:
            for page in range(first, last):
                data = pattern.expected(page, what.page_size, what.seed)
                os.pwrite(file.fileno(), data, page * what.page_size)


def saved(*options: str) -> Callable[[Path], tuple[tuple[str, ...], ...]]:
    """Image that `virsh save` writes with these options."""

    def make(path: Path) -> tuple[tuple[str, ...], ...]:
        with Daemon(DIRECTORY) as daemon:
            start(daemon)
            daemon.virsh("save", GUEST, path, *options)
            return tuple(daemon.commands)

    return make


def snapshot(path: Path) -> tuple[tuple[str, ...], ...]:
    """The memory of an external snapshot."""
    with Daemon(DIRECTORY, config={"snapshot_image_format": '"sparse"'}) as daemon:
        start(daemon)
        daemon.virsh(
            *("snapshot-create-as", GUEST, "s1", "--no-metadata"),
            *("--memspec", f"file={path},snapshot=external"),
        )
        return tuple(daemon.commands)


def edited(path: Path) -> tuple[tuple[str, ...], ...]:
    """A sparse image whose XML has grown since it was saved."""
    with Daemon(DIRECTORY) as daemon:
        start(daemon)
        daemon.virsh("save", GUEST, path, "--image-format", "sparse")
        xml = daemon.directory / "longer.xml"
        text = daemon.virsh("save-image-dumpxml", path, "--security-info")
        xml.write_text(text.replace("<memory ", "<title>edited \u2713</title>\n  <memory ", 1))
        daemon.virsh("save-image-define", path, xml, "--running")
        return tuple(daemon.commands)


def interrupted(path: Path) -> tuple[tuple[str, ...], ...]:
    """A sparse save during which QEMU dies: the file size limit is the START section of RAM.

    All pages lie before that place; QEMU writes the bitmaps after it has moved beyond it.
    """
    saved("--image-format", "sparse")(path)
    with mappedram.open(path, stream_offset(path)) as whole:
        end = whole.sections[0].end
    path.write_bytes(b"")  # libvirt only keeps a file after a failure if it existed before
    with Daemon(DIRECTORY, file_size=end) as daemon:
        start(daemon)
        try:
            daemon.virsh("save", GUEST, path, "--image-format", "sparse")
        except LibvirtError:
            return tuple(daemon.commands)
    raise SystemExit("the save was not interrupted")


def swapped(path: Path) -> tuple[tuple[str, ...], ...]:
    """A sparse image with the other byte order in its header."""
    commands = saved("--image-format", "sparse")(path)
    with path.open("r+b") as file:
        header = HEADER.unpack(os.pread(file.fileno(), HEADER.size, 0))
        os.pwrite(file.fileno(), struct.pack(">16s5I56s", *header), 0)
    return commands


def stream_offset(path: Path) -> int:
    """Offset of the stream in an image that this machine wrote."""
    with path.open("rb") as file:
        return HEADER.size + int(HEADER.unpack(file.read(HEADER.size))[2])


TABLE = (
    Sample("raw", "the stream as it is, without mapped-ram", saved()),
    *(
        Sample(name, f"the stream compressed with {name}", saved("--image-format", name))
        for name in ("gzip", "bzip2", "xz", "lzop", "zstd")
    ),
    Sample("sparse", "a stream with mapped-ram", saved("--image-format", "sparse")),
    Sample(
        "sparse-2ch",
        "written by two channels past the page cache, which must not show",
        saved("--image-format", "sparse", "--parallel-channels", "2", "--bypass-cache"),
    ),
    Sample("sparse-edited", "a longer XML, so that there is less slack; was_running", edited),
    Sample("mislabelled", "says sparse, but the stream has no mapped-ram", snapshot),
    Sample("interrupted", "LibvirtQemudPart: QEMU died while it saved", interrupted),
    Sample("swapped", "a header in the other byte order", swapped, synthetic=True),
)


def describe(sample: Sample, path: Path, commands: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Describe a sample for the manifest; its header is read with plain `struct`."""
    data = path.read_bytes()
    # The version is small: its first byte is 0 on a big-endian host.
    numbers = struct.unpack_from("<5I" if data[16] else ">5I", data, 16)
    names = ("version", "data_len", "was_running", "format", "cookie_offset")
    return {
        "reason": sample.reason,
        "file": path.name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "libvirt": version("libvirtd", r"(\d+\.\d+\.\d+)"),
        "qemu": version("qemu-system-x86_64", r"version (\d+\.\d+\.\d+)"),
        "synthetic": sample.synthetic,
        "virsh": [" ".join(words) for words in commands],
        "header": {"magic": data[:16].decode(), **dict(zip(names, numbers, strict=True))},
    }


def version(program: str, wanted: str) -> str:
    """Version output of a program."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    done = subprocess.run(
        [program, "--version"], check=True, capture_output=True, text=True, env={"PATH": path}
    )
    match = re.search(wanted, done.stdout)
    assert match
    return match[1]


def main() -> None:
    """Make the samples named on the command line."""
    table = {sample.name: sample for sample in TABLE}
    names = manifest.chosen(table, "sample", "Make the save images with a real libvirt.")
    if reason := unusable():
        sys.exit(reason)

    entries = manifest.read(MANIFEST)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="mappedram-") as work:
            path = Path(work, f"libvirt-{name}.save")
            commands = table[name].make(path)
            target = FIXTURES / f"libvirt-{name}.tar.gz"
            archive(path, target)
            entry = describe(table[name], path, commands)
        entries[f"libvirt-{name}"] = json.loads(json.dumps(entry).replace(work, "{dir}"))
        manifest.write(MANIFEST, entries, (f"libvirt-{one}" for one in table))
        print(f"{name:16}{target.stat().st_size:9}", file=sys.stderr)


if __name__ == "__main__":
    main()
