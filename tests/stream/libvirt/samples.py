"""Save images of a real libvirt, and images made for tests."""

import json
import shutil
import struct
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIXTURES
from tools.unpack import unpack

#: virQEMUSaveHeader, without a byte order.
FIELDS = "16s5I56s"
XML = "<domain type='qemu'><name>guest</name></domain>"


@cache
def manifest() -> dict[str, dict[str, Any]]:
    """Notes of `tools/libvirt` on each sample, by name."""
    entries: dict[str, dict[str, Any]] = json.loads((FIXTURES / "libvirt.json").read_text())
    return entries


NAMES = tuple(name.removeprefix("libvirt-") for name in manifest())
SPARSE = ("sparse", "sparse-2ch", "sparse-edited", "swapped")
COMPRESSED = ("gzip", "bzip2", "xz", "lzop", "zstd")


@dataclass(frozen=True)
class Sample:
    """An image, unpacked with its holes, and how it was made."""

    name: str
    path: Path
    manifest: dict[str, Any]

    @property
    def header(self) -> dict[str, Any]:
        """The header, read with `struct` alone."""
        values: dict[str, Any] = self.manifest["header"]
        return values

    @property
    def stream_offset(self) -> int:
        return 92 + int(self.header["data_len"])


class Samples:
    """The samples, unpacked on first use. Tests must not change them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __getitem__(self, name: str) -> Sample:
        target = self._directory / name
        if not target.exists():
            unpack(FIXTURES / f"libvirt-{name}.tar.gz", target)
        (path,) = target.iterdir()
        return Sample(name, path, manifest()[f"libvirt-{name}"])


def image(
    stream: bytes = b"",
    *,
    xml: bytes = XML.encode() + b"\0",
    cookie: bytes = b"",
    magic: bytes = b"LibvirtQemudSave",
    version: int = 2,
    data_len: int | None = None,
    save_format: int = 0,
    cookie_offset: int | None = None,
    unused: bytes = bytes(56),
    order: str = "<",
    slack: int = 64,
) -> bytes:
    """A valid image, except for the given values; made without the code under test."""
    texts = xml + cookie + bytes(slack)
    header = struct.pack(
        order + FIELDS,
        magic,
        version,
        len(texts) if data_len is None else data_len,
        1,
        save_format,
        (len(xml) if cookie else 0) if cookie_offset is None else cookie_offset,
        unused,
    )
    return header + texts + stream


def skip_without_decompressor(name: str) -> None:
    """Skip the test if this machine has no decompressor for images of that name."""
    library = {"zstd": "zstandard"}.get(name)
    if library and find_spec(library):
        return
    if name in ("lzop", "zstd") and shutil.which(name) is None:
        pytest.skip(f"no {name}: run tools/install")
