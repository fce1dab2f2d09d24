"""Read the declarations in `spec/*.ksy`: types, fields and docs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec"


class Part(NamedTuple):
    """Some bits of a field: their name in the spec, and their number."""

    ksy_id: str
    bits: int


@dataclass(frozen=True)
class Field:
    """One field: `ksy_id` in the spec, `name` in QEMU's spelling, `type` as declared.

    `enum` names the values, `repeat` is the number of repetitions, `cases` are the types selected
    by the value of another field; each is empty if there is none. `parts` are the entries of `seq`
    if the spec splits a number into several (`-part-of`); the first one has the doc of all. `align`
    is the alignment that a writer uses for the value (`-should-align`), 1 if the spec has none.
    """

    ksy_id: str
    name: str
    type: str
    size: str
    doc: str
    condition: str
    enum: str
    repeat: str
    cases: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    align: int

    @property
    def bits(self) -> int:
        """Number of bits of the number.

        Raises:
            ValueError: it is not a number.
        """
        return bits_of(self.type)


@dataclass(frozen=True)
class Type:
    """One type with a `seq`: a structure in the file.

    `byteorder` is `be`, or `host` if the file does not tell it.
    """

    name: str
    module: str
    path: tuple[str, ...]
    byteorder: str
    doc: str
    doc_ref: str
    params: tuple[str, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class EnumValue:
    """One value of an enumeration."""

    value: int
    name: str
    doc: str


def sources() -> list[Path]:
    """The `.ksy` files, in alphabetical order."""
    return sorted(SPEC.glob("*.ksy"))


def types() -> Iterator[Type]:
    """Every type that is stored in a file, alone or within another, in the order of the spec."""
    for source in sources():
        document = load(source)
        module = document["meta"]["id"]
        yield from _types(document, module, (module,))


def structures() -> Iterator[Type]:
    """The types that are structures, without those that walk along a file."""
    for entry in types():
        if entry.module != "mapped_ram" and entry.path != ("configuration",):
            yield entry


def enums() -> Iterator[tuple[str, tuple[EnumValue, ...]]]:
    """Every enumeration with its values."""
    for source in sources():
        for name, values in load(source).get("enums", {}).items():
            yield (
                name,
                tuple(
                    EnumValue(value, entry.get("-orig-id", entry["id"]), _text(entry.get("doc")))
                    for value, entry in values.items()
                ),
            )


def nodes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each type by its name, as YAML."""
    for source in sources():
        document = load(source)
        yield from _nodes(document, document["meta"]["id"])


@cache
def load(source: Path) -> dict[str, Any]:
    """One `.ksy` as YAML; read once, and not to be changed."""
    document: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return document


def _types(node: dict[str, Any], module: str, path: tuple[str, ...]) -> Iterator[Type]:
    if node.get("seq"):
        yield Type(
            name=path[-1],
            module=module,
            path=path,
            byteorder="host" if isinstance(node.get("meta", {}).get("endian"), dict) else "be",
            doc=_text(node.get("doc")),
            doc_ref=node.get("doc-ref", ""),
            params=tuple(param["id"] for param in node.get("params", [])),
            fields=tuple(_fields(node["seq"])),
        )
    for name, child in node.get("types", {}).items():
        yield from _types(child, module, (*path, name))


def _nodes(node: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if node.get("seq"):
        yield name, node
    for child_name, child in node.get("types", {}).items():
        yield from _nodes(child, child_name)


def _fields(seq: list[dict[str, Any]]) -> Iterator[Field]:
    """The fields of a `seq`; adjacent entries with the same `-part-of` are one field."""
    for name, entries in groups(seq):
        if "-part-of" not in entries[0]:
            yield _field(entries[0])
            continue
        parts = tuple(Part(entry["id"], bits_of(entry["type"])) for entry in entries)
        size = sum(part.bits for part in parts) // 8
        yield replace(_field(entries[0]), name=name, type=f"u{size}", parts=parts)


def groups(seq: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The entries of `seq` for each field, by its name, or by its id if it is not split."""
    for name, group in groupby(seq, lambda entry: entry.get("-part-of") or entry["id"]):
        yield name, list(group)


def bits_of(kind: str) -> int:
    """Number of bits of a number type such as `u4` or `b22`."""
    return int(kind[1:]) * (1 if kind.startswith("b") else 8)


def _field(entry: dict[str, Any]) -> Field:
    original = entry.get("-orig-id", "")
    kind = entry.get("type", "")
    cases: dict[str, str] = {}
    if isinstance(kind, dict):
        cases = kind["cases"]
        kind = "by " + kind["switch-on"]
    return Field(
        ksy_id=entry["id"],
        name=original if original.islower() and original != "len" else entry["id"],
        type=" ".join(kind.partition("(")[0].split()),
        size=str(entry.get("size", len(entry.get("contents", "")) or "")),
        doc=_text(entry.get("doc")),
        condition=entry.get("if", ""),
        enum=entry.get("enum", "").rpartition("::")[2],
        repeat=str(entry.get("repeat-expr", "")),
        cases=tuple(cases.items()),
        parts=(),
        align=entry.get("-should-align", 1),
    )


def _text(doc: str | None) -> str:
    return " ".join((doc or "").split())
