"""Recipes: a small TOML text that describes a snapshot.

machine = "none"        # or: donor = "guest.mapped-ram", to copy its devices and blocks
page_size = "4K"

[[block]]
idstr = "ram"
size = "16M"
file = "ram.raw"        # or: pattern = "address", or pattern = "deadbeef", or zero = true
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappedram.errors import BuildError
from mappedram.sizes import parse_size

#: Keys of the tables, with their types.
_TOP = {
    "machine": str,
    "donor": str,
    "page_size": (int, str),
    "offset": (int, str),
    "align": (int, str),
    "capabilities": list,
    "target_page_bits": int,
    "block": list,
}
_BLOCK = {
    "idstr": str,
    "size": (int, str),
    "addr": int,
    "file": str,
    "pattern": str,
    "zero": bool,
}
_SOURCES = ("file", "pattern", "zero")


@dataclass(frozen=True, slots=True)
class BlockRecipe:
    """One block: at most one of `file` and `pattern` is set; neither means zeros.

    `pattern` is the bytes that repeat over the block; empty for the address of each word.
    """

    idstr: str
    size: int | None
    addr: int = 0
    file: Path | None = None
    pattern: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Contents of a snapshot; `machine` and `page_size` are None if a donor gives them."""

    machine: str | None
    donor: Path | None
    page_size: int | None
    offset: int
    align: int | None
    capabilities: tuple[str, ...] | None
    target_page_bits: int | None
    blocks: tuple[BlockRecipe, ...]


def _bytes(key: str, value: int | str) -> int:
    """Number of bytes, from a number or from text such as `16M`."""
    try:
        return parse_size(str(value))
    except ValueError as error:
        raise BuildError(f"{key}: {error}") from error


def load(path: Path) -> Recipe:
    """Load the recipe in a file; paths in it are relative to its folder.

    Raises:
        BuildError: it is not TOML, or not a valid recipe.
        OSError: it cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BuildError(str(error), filename=str(path)) from error
    try:
        return _recipe(document, path.parent)
    except BuildError as error:
        error.filename = str(path)
        raise


def _recipe(document: Mapping[str, Any], folder: Path) -> Recipe:
    _refuse_unknown(document, _TOP, "the recipe")
    donor = document.get("donor")
    for key in ("machine", "page_size", "capabilities", "target_page_bits"):
        if donor is not None and key in document:
            raise BuildError(f"{key}: comes from the donor and cannot be set beside it")
    if donor is None:
        for key in ("machine", "page_size", "block"):
            if key not in document:
                raise BuildError(f"{key}: missing")
    return Recipe(
        machine=document.get("machine"),
        donor=folder / donor if donor is not None else None,
        page_size=_bytes("page_size", document["page_size"]) if "page_size" in document else None,
        offset=_bytes("offset", document.get("offset", 0)),
        align=_bytes("align", document["align"]) if "align" in document else None,
        capabilities=(
            tuple(map(str, document["capabilities"])) if "capabilities" in document else None
        ),
        target_page_bits=document.get("target_page_bits"),
        blocks=tuple(
            _block(entry, number, folder, size_needed=donor is None)
            for number, entry in enumerate(document.get("block", ()))
        ),
    )


def _block(entry: object, number: int, folder: Path, *, size_needed: bool) -> BlockRecipe:
    where = f"block {number}"
    if not isinstance(entry, dict):
        raise BuildError(f"{where}: expected a table, got {entry!r}")
    _refuse_unknown(entry, _BLOCK, where)
    for key in ("idstr", "size") if size_needed else ("idstr",):
        if key not in entry:
            raise BuildError(f"{where}: {key}: missing")
    given = [key for key in _SOURCES if key in entry]
    if len(given) != 1:
        raise BuildError(
            f"{where} ({entry['idstr']!r}): expected one of file, pattern and zero, got"
            f" {' and '.join(given) or 'none'}"
        )
    return BlockRecipe(
        idstr=entry["idstr"],
        size=_bytes("size", entry["size"]) if "size" in entry else None,
        addr=entry.get("addr", 0),
        file=folder / entry["file"] if "file" in entry else None,
        pattern=_pattern(entry["pattern"]) if "pattern" in entry else None,
    )


def _pattern(text: str) -> bytes:
    if text == "address":
        return b""
    try:
        pattern = bytes.fromhex(text)
    except ValueError:
        pattern = b""
    if not pattern:
        raise BuildError(f"pattern: expected 'address' or bytes in hex, got {text!r}")
    return pattern


def _refuse_unknown(table: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in known:
            raise BuildError(f"{where}: {key!r} is not known; expected {', '.join(known)}")
        wanted = known[key]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise BuildError(f"{where}: {key}: got {value!r}, which is of the wrong type")
