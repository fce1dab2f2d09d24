"""Check `spec/*.ksy` against the style guide of Kaitai's format gallery.

Source: https://doc.kaitai.io/ksy_style_guide.html, and CONTRIBUTING of kaitai_struct_formats.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.generate import ksy

#: Order of keys, by their place.
ORDER = {
    "file": ["meta", "doc", "doc-ref", "params", "seq", "instances", "types", "enums"],
    "type": ["meta", "-orig-id", "doc", "doc-ref", "params", "seq", "instances", "types", "enums"],
    "meta": [
        *("id", "title", "application", "file-extension", "xref", "tags", "license", "ks-version"),
        *("imports", "encoding", "endian"),
    ],
    "attribute": [
        *("id", "-orig-id", "-part-of", "-should-align", "pos", "size", "size-eos"),
        *("type", "enum", "encoding", "terminator", "consume", "eos-error", "pad-right", "value"),
        *("contents", "valid", "repeat", "repeat-expr", "repeat-until", "if", "doc", "doc-ref"),
    ],
    "enum value": ["id", "-orig-id", "doc"],
}
REQUIRED_META = {"id", "title", "application", "xref", "tags", "license", "ks-version"}
#: Licences that the gallery accepts: they must permit anything.
LICENSES = {"CC0-1.0"}
LINE_MAX = 80
#: Lines that may be longer: expressions and references cannot be broken.
UNBREAKABLE = re.compile(r"^\s*(doc-ref|value|encoding): |^\s*[?:+(]|^\s*and |^\s*or ")


def problems(text: str, document: dict[str, Any]) -> Iterator[str]:
    """Violations of the style guide in a `.ksy`."""
    meta = document["meta"]
    for key in sorted(REQUIRED_META - set(meta)):
        yield f"meta: no {key}"
    if meta.get("license") not in LICENSES:
        yield f"meta: license {meta.get('license')} is not one of {LICENSES}"
    if "doc-ref" not in document:
        yield "no doc-ref"
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE_MAX and not UNBREAKABLE.match(line):
            yield f"line {number}: longer than {LINE_MAX} characters"
        if line != line.rstrip() or "\t" in line:
            yield f"line {number}: white space"
    yield from _type(document, "", "file")


def _type(node: dict[str, Any], place: str, kind: str) -> Iterator[str]:
    yield from _ordered(node, place, kind)
    yield from _ordered(node.get("meta", {}), f"{place}/meta", "meta")
    if not node.get("doc"):
        yield f"{place}: no doc"
    for entry in [*node.get("params", []), *node.get("seq", [])]:
        yield from _entry(entry["id"], entry, place)
    for name, entry in node.get("instances", {}).items():
        yield from _entry(name, entry, place)
    for name, values in node.get("enums", {}).items():
        for entry in values.values():
            yield from _named(entry["id"], f"{place}/{name}")
            yield from _ordered(entry, f"{place}/{name}/{entry['id']}", "enum value")
            if "-orig-id" not in entry:
                yield f"{place}/{name}/{entry['id']}: no -orig-id"
    for name, child in node.get("types", {}).items():
        yield from _named(name, place)
        yield from _type(child, f"{place}/{name}", "type")


def _entry(name: str, entry: dict[str, Any], place: str) -> Iterator[str]:
    yield from _named(name, place)
    yield from _ordered(entry, f"{place}/{name}", "attribute")
    if not entry.get("doc"):
        yield f"{place}/{name}: no doc"


def _named(name: str, place: str) -> Iterator[str]:
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        yield f"{place}/{name}: not snake_case"


def _ordered(node: dict[str, Any], place: str, kind: str) -> Iterator[str]:
    order = ORDER[kind]
    if unknown := [key for key in node if key not in order]:
        yield f"{place}: no place for {unknown}"
    elif list(node) != sorted(node, key=order.index):
        yield f"{place}: the order is {sorted(node, key=order.index)}"


def lint() -> list[str]:
    """Violations in the spec."""
    return [problem for source in ksy.sources() for problem in _of(source)]


def _of(source: Path) -> Iterator[str]:
    text = source.read_text(encoding="utf-8")
    for problem in problems(text, ksy.load(source)):
        yield f"{source.name}: {problem}"
