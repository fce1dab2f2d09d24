"""`python -m tests.conformance.shared`: write the vectors as JSON, for parsers in any language.

`vectors.jsonl` has one object a line:

- `name`, `why`: name and purpose of the vector.
- `offset`: where the stream begins.
- `file`: a path in the repository, the archive and its member; or how to make the file:
  `size`, all of it zeros except for `data`, a list of `[offset, hexadecimal]`.
- `expected`: output of a driver. `sections` also has the configuration and its subsections; each
  section has its `offset`, the fields of its `header`, its `payload` as `[offset, length]` (null
  where the walk stops), the `records` of RAM and the `footer`; `rest` is where the walk stops.
  Fields have QEMU's names, except for numbers that the spec reads in parts; bytes are hexadecimal;
  null stands for a bitmap of more than 1 MiB or outside the file. A refused file has a `why`:
  `short`, with the `offset` of the field that the end of the file cuts, or `value`, with the
  `field` that is wrong.
- `above_2_53`: whether numbers above 2^53 - 1 are needed.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mappedram.io.opening import open_source
from tests.conformance import vectors
from tests.conformance.reading import expected
from tests.conftest import Fixtures, manifest

PATH = Path(__file__).with_name("vectors.jsonl")
PAGE = 4096
#: At least as many zeros separate two pieces.
_ZEROS = re.compile(rb"\0{32,}")


def entry(fixtures: Fixtures, name: str) -> dict[str, Any]:
    """One vector, or one real file, with its expected reading."""
    found = vectors.ALL.get(name)
    with vectors.open_vector(fixtures, name) as (fd, offset):
        construct = expected(fd, offset)
        archive = [f"tests/fixtures/{name}.tar.gz", manifest()[name]["file"]] if not found else None
        return {
            "name": name,
            "why": found.why if found else manifest()[name]["reason"],
            "offset": offset,
            "file": archive or described(fd),
            "expected": construct.reading,
            "above_2_53": not construct.representable,
        }


def described(fd: int) -> dict[str, Any]:
    """Description of a file that is mostly zeros."""
    size = os.fstat(fd).st_size
    with open_source(fd) as source:
        parts = list(source.extents(0, size))
    # Linux takes the last page before 2^63 for a hole, whatever its contents.
    last = max(size - PAGE, parts[-1][1] if parts else 0)
    data = [piece for begin, end in [*parts, (last, size)] for piece in _data(fd, begin, end)]
    return {"size": size, "data": data}


def _data(fd: int, begin: int, end: int) -> Iterator[tuple[int, str]]:
    content = os.pread(fd, end - begin, begin)
    done = 0
    for zeros in [*_ZEROS.finditer(content), None]:
        stop = zeros.start() if zeros else len(content)
        if stop > done:
            yield begin + done, content[done:stop].hex()
        done = zeros.end() if zeros else stop


def make(fd: int, file: dict[str, Any]) -> None:
    """Make a file from its description, in an empty one."""
    for offset, data in file["data"]:
        os.pwrite(fd, bytes.fromhex(data), offset)
    os.ftruncate(fd, file["size"])


def text(fixtures: Fixtures) -> str:
    """All lines."""
    lines = (json.dumps(entry(fixtures, name), separators=(",", ":")) for name in vectors.NAMES)
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PATH.write_text(text(Fixtures(Path(folder))), encoding="utf-8")
