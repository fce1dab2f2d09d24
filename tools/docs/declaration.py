"""The page that shows the declaration: the Construct sources, with byte maps beside them."""

import re
from pathlib import Path

from tools.docs.drawing import byte_map
from tools.generate import ksy
from tools.mutants import published

FORMAT = ksy.ROOT / "mappedram" / "format"
#: The modules that declare structures, in the order of a file.
RECORDS = ("stream", "section", "ram", "live", "libvirt", "foreign/qcow2")
_RECORD = re.compile(r'^\w+ = record\(\n?\s*"(\w+)"', re.MULTILINE)

_HEAD = """\
# The format in code

A file is declared in Construct, and a second time in Kaitai Struct. This page shows the Construct
declaration as it is in the package: the reader parses with it, the writer builds with it, and the
regions of `mappedram layout` are derived from it. `mappedram check --rebuild` rebuilds the
structures of a file from their parsed values with both declarations, and compares the bytes; it
skips pages, bitmaps, padding, the JSON text and the state of devices.

`step` names a member that adds a step to the path, as in `/sections[2]/header`; `here` names one
that has the path of its owner. A `Structure` is one of the records below; `values` has its
defaults, and `derived` the fields that are computed from other values. An `Extent` is skipped, and
an `Area` is at an offset given by a header.

To add a field, declare it in the `.ksy` and in the record, under the same name
([contributing](contributing.md)). If it is the length of another field, this is sufficient; if it
gives an offset of other data, change the declaration of the whole file as well.

## The whole file

`mappedram/format/file.py`:

"""

_NOTICED = """
## Mutation testing

`python -m tools.mutants` makes small changes, one at a time: another number, bound, comparison,
type or order. Each must make a test fail. The results so far, for the files at that time:

"""


def page() -> str:
    """The page in Markdown."""
    types = {entry.name: entry for entry in ksy.types()}
    parts = [_HEAD, _source(FORMAT / "file.py"), "\n## The structures\n"]
    for module in RECORDS:
        path = FORMAT / f"{module}.py"
        names = _RECORD.findall(path.read_text(encoding="utf-8"))
        parts.append(f"\n### `mappedram/format/{module}.py`\n")
        for name in names:
            drawing = byte_map(types[name])
            parts.append(f'\n`{name}`\n\n<div class="drawing">{drawing}</div>\n')
        parts.append(f"\n{_source(path)}")
    parts.append(_NOTICED + published.table(published.read()) + "\n")
    return "".join(parts)


def _source(path: Path) -> str:
    return f"```python\n{path.read_text(encoding='utf-8')}```\n"
