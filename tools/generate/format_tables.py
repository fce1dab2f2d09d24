"""The field tables in `spec/format.md`, between their markers."""

import re

from mappedram.format import RECORDS
from mappedram.format.members import member
from tools.generate import ksy

TARGET = ksy.SPEC / "format.md"
MARKER = re.compile(r"(<!-- (fields|enum): (\w+) -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)
#: Bits of each integer type; a prefix gives the byte order.
BITS = {"u1": 8, "u2": 16, "u4": 32, "u8": 64}


def outputs() -> dict[str, str]:
    """The text of the file, by its path below the root."""
    types = {entry.name: entry for entry in ksy.types()}
    enums = dict(ksy.enums())

    def fill(match: re.Match[str]) -> str:
        opening, kind, name, _, closing = match.groups()
        table = _fields(types[name]) if kind == "fields" else _enum(enums[name])
        return f"{opening}\n{table}\n{closing}"

    text = MARKER.sub(fill, TARGET.read_text(encoding="utf-8"))
    return {str(TARGET.relative_to(ksy.ROOT)): text}


def _fields(entry: ksy.Type) -> str:
    """A table of fields, with offsets as long as they are fixed."""
    rows = ["| offset | size | field | type | holds | meaning |", "|---|---|---|---|---|---|"]
    offset: int | None = 0
    for field in entry.fields:
        kind, size = field.type or "bytes", field.size or "varies"
        if bits := BITS.get(field.type):
            size = str(bits // 8)
            kind = "u8" if size == "1" else f"{entry.byteorder}{bits}"
        where = "" if offset is None else f"{offset}"
        validity = member(RECORDS[entry.name], field.name).validity
        expected = validity.expected if validity else ""
        name = f"`{field.name}`" + (f" if `{field.condition}`" if field.condition else "")
        known = size.isdigit() and not field.condition
        rows.append(f"| {where} | {size} | {name} | {kind} | {expected} | {field.doc} |")
        offset = offset + int(size) if known and offset is not None else None
    return "\n".join(rows) + f"\n\nSource: {entry.doc_ref}.\n"


def _enum(values: tuple[ksy.EnumValue, ...]) -> str:
    rows = ["| value | name | meaning |", "|---|---|---|"]
    rows += [f"| {value.value:#04x} | `{value.name}` | {value.doc} |" for value in values]
    return "\n".join(rows) + "\n"
