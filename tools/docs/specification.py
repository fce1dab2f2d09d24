"""The pages of the specification: its text, with a drawing and real bytes of each structure."""

import re

from mappedram.view.fields import ShownField, decoded
from mappedram.view.text import hex_bytes
from tools.docs.columns import picture
from tools.docs.drawing import byte_map
from tools.docs.samples import Structure, regions, structures
from tools.generate import ksy

_TABLE = re.compile(r"<!-- fields: (\w+) -->\n(.*?)<!-- /fields -->", re.DOTALL)
#: Bytes in a row of a dump.
_ROW = 8
#: Rows shown of a long field.
_ROWS_MAX = 4
#: Characters shown of a long value.
_VALUE_MAX = 48


def format_page() -> str:
    """`spec/format.md`, with a drawing and an example around each table of fields."""
    types = {entry.name: entry for entry in ksy.types()}

    def fill(match: re.Match[str]) -> str:
        name, table = match.groups()
        return "\n".join((_html(byte_map(types[name])), table.strip(), "", _example(name)))

    text = (ksy.SPEC / "format.md").read_text(encoding="utf-8")
    head, marker, rest = _TABLE.sub(fill, text).partition('<a id="s-2"></a>')
    return f"{head}{_columns()}\n{marker}{rest}"


def errata_page() -> str:
    """`spec/errata.md` unchanged."""
    return (ksy.SPEC / "errata.md").read_text(encoding="utf-8")


def examples_page() -> str:
    """Every structure with its bytes in a real file."""
    parts = [
        f"## {name}\n\n{_example(name)}"
        for entry in ksy.types()
        if (name := entry.name) in structures()
    ]
    return (
        "# Worked examples\n\n"
        "This page shows an example of each structure, from the files in `tests/fixtures`, which"
        " QEMU and libvirt wrote. See [the format](format.md) for the tables.\n\n"
        + "\n".join(parts)
    )


def _columns() -> str:
    """The same guest in both kinds of file."""
    files = (("without mapped-ram", "plain"), ("with mapped-ram", "pc"))
    drawing = picture([(title, regions(name)) for title, name in files])
    return (
        f"{_html(drawing)}"
        "The same guest in two files that QEMU wrote, in file order from top to bottom. Boxes with"
        " more bytes are taller, but not to scale.\n"
    )


def _html(drawing: str) -> str:
    return f'<div class="drawing">{drawing}</div>\n\n'


def _example(name: str) -> str:
    """The dump of a structure; empty if no file has one."""
    found = structures().get(name)
    if found is None:
        return ""
    return f"In `{found.file}`:\n\n```text\n{_dump(found)}\n```\n"


def _dump(structure: Structure) -> str:
    width = max(len(field.name) for field in structure.fields)
    return "\n".join(
        line
        for field, data in zip(structure.fields, structure.data, strict=True)
        for line in _lines(field, data, width)
    )


def _lines(field: ShownField, data: bytes, width: int) -> list[str]:
    rows = [data[start : start + _ROW] for start in range(0, len(data), _ROW)] or [b""]
    value = decoded(field.name, field.value)
    shown = value if len(value) <= _VALUE_MAX else f"{value[:_VALUE_MAX]}…"
    first = f"{field.offset:08x}  {hex_bytes(rows[0]):<{3 * _ROW}} {field.name:<{width}}  {shown}"
    more = [f"{'':8}  {hex_bytes(row)}" for row in rows[1:_ROWS_MAX]]
    rest = [f"{'':8}  … {len(data)} bytes"] if len(rows) > _ROWS_MAX else []
    return [first, *more, *rest]
