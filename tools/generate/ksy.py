"""Reads the declarations in `spec/*.ksy`: types, fields, docs and what a field may hold."""

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
    """Some bits of a field: their name in the spec, how many, and what they may be.

    `holds` is empty where they may be anything.
    """

    ksy_id: str
    bits: int
    holds: tuple[int, ...]


@dataclass(frozen=True)
class Field:
    """One field: `ksy_id` in the spec, `name` in QEMU's spelling, `type` as declared.

    `enum` names the values, `repeat` tells how often the field stands there, `cases` are the types
    that it has by the value of another field; each is empty where there is none. `parts` are the
    entries of `seq` where the spec cuts a number into several (`-part-of`); the first one has the
    doc of all. `align` is what a writer makes the value a multiple of
    (`-should-align`), 1 where the spec does not say.
    """

    ksy_id: str
    name: str
    type: str
    size: str
    doc: str
    expected: str
    condition: str
    enum: str
    repeat: str
    cases: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    align: int

    @property
    def bits(self) -> int:
        """How many bits the number has.

        Raises:
            ValueError: it is no number.
        """
        return _bits(self.type)

    @property
    def masked(self) -> tuple[int, tuple[int, ...]]:
        """The bits that the parts fix, and what they may be: `value & mask in results`."""
        mask = 0
        results: tuple[int, ...] = (0,)
        for part in self.parts:
            mask = mask << part.bits | ((1 << part.bits) - 1 if part.holds else 0)
            results = tuple(
                result << part.bits | held for result in results for held in part.holds or (0,)
            )
        return mask, results


@dataclass(frozen=True)
class Type:
    """One type with a `seq`: the structures that stand on the wire.

    `byteorder` is `be`, or `host` where the file does not say it.
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
    """Every type that stands on the wire, alone or within another, in the order of the spec."""
    for source in sources():
        document = load(source)
        module = document["meta"]["id"]
        yield from _types(document, module, (module,))


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


@cache
def load(source: Path) -> dict[str, Any]:
    """One `.ksy` as YAML has it; read once, and not to be changed."""
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


def _fields(seq: list[dict[str, Any]]) -> Iterator[Field]:
    """The fields of a `seq`, of which neighbours with the same `-part-of` are one."""
    for name, group in groupby(seq, lambda entry: entry.get("-part-of") or entry["id"]):
        entries = list(group)
        if "-part-of" not in entries[0]:
            yield _field(entries[0])
            continue
        parts = tuple(
            Part(entry["id"], _bits(entry["type"]), _holds(entry.get("valid"))) for entry in entries
        )
        size = sum(part.bits for part in parts) // 8
        yield replace(_field(entries[0]), name=name, type=f"u{size}", parts=parts)


def _bits(kind: str) -> int:
    """How many bits a number of a type has, such as `u4` or `b22`."""
    return int(kind[1:]) * (1 if kind.startswith("b") else 8)


def _holds(valid: Any) -> tuple[int, ...]:
    """The numbers that a part may be; empty for all."""
    if isinstance(valid, dict):
        return tuple(number for one in valid["any-of"] for number in _holds(one))
    if isinstance(valid, str):
        return (_named(valid)[0],)
    return () if valid is None else (valid,)


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
        expected=_expected(entry),
        condition=entry.get("if", ""),
        enum=entry.get("enum", "").rpartition("::")[2],
        repeat=str(entry.get("repeat-expr", "")),
        cases=tuple(cases.items()),
        parts=(),
        align=entry.get("-should-align", 1),
    )


def _expected(entry: dict[str, Any]) -> str:
    """What the field may hold, in words; empty where everything goes."""
    if "-expected" in entry:
        return str(entry["-expected"])
    if "contents" in entry:
        return f'"{entry["contents"]}"'
    valid = entry.get("valid")
    if valid is None:
        return ""
    if not isinstance(valid, dict):
        return _constant(valid)
    if "any-of" in valid:
        return " or ".join(_constant(value) for value in valid["any-of"])
    return " and ".join(
        f"{sign} {valid[key]}" for key, sign in (("min", ">="), ("max", "<=")) if key in valid
    )


def _constant(value: object) -> str:
    """A value as it reads in a message: enumerations by their number and name."""
    text = str(value)
    if "::" not in text:
        return text.strip("'") if text.startswith('"') else text
    number, name = _named(text)
    return f"{number:#04x} ({name})"


def _named(constant: str) -> tuple[int, str]:
    """The number and QEMU's name of a value of an enumeration, such as `section_type::eof`."""
    *_, enum, name = constant.split("::")
    return next(
        (number, entry["-orig-id"])
        for source in sources()
        for number, entry in load(source).get("enums", {}).get(enum, {}).items()
        if entry["id"] == name
    )


def _text(doc: str | None) -> str:
    return " ".join((doc or "").split())
