"""The page that shows the declaration: the Construct sources, with byte maps beside them."""

import re
from pathlib import Path

from tools.docs.drawing import byte_map
from tools.generate import ksy
from tools.mutants import published

FORMAT = ksy.ROOT / "mappedram" / "format"
#: The modules that declare structures, in the order of a file.
RECORDS = ("stream", "section", "ram", "live", "libvirt")
_RECORD = re.compile(r'^\w+ = record\(\n?\s*"(\w+)"', re.MULTILINE)

_HEAD = """\
# The format in code

A file is declared once, in Construct, and once more in Kaitai Struct. What follows is the first
declaration as it stands in the package: the reader parses it, the writer builds along it, and the
regions that `mappedram layout` shows fall out of it. `mappedram check --rebuild` builds the
structures of a file of their own values with both, and says whether each byte is the same, and how
many bytes that is: pages, bitmaps, padding, the JSON text and what devices write are passed over.

How to read it: `step` names a member that is a step of the path, as in `/sections[2]/header`, and
`here` one that stands at the path of its owner. A `Structure` is one of the records below; `values`
says what it holds for want of anything else, `derived` what follows from other values. An `Extent`
is passed over, an `Area` lies where a header says.

To add a field, declare it in the `.ksy` and in the record, under the same name
([contributing](contributing.md)). If it is the length of another field, nothing else is to be
said; if something stands elsewhere because of it, say so in the declaration of the whole file.

## The whole file

`mappedram/format/file.py`:

"""

_NOTICED = """
## Whether the tests notice a change

`python -m tools.mutants` makes small changes, one at a time: another number, bound, comparison,
type or order. Each has to make some test fail. What was tried so far, of the files as they were:

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
