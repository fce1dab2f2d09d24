"""Results on disk, one JSON object a line, and their summary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TextIO

from tools.sweep.trial import Row, is_false_alarm, is_misread, is_missed

#: Questions about each row, and their words.
QUESTIONS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    ("false alarm", is_false_alarm),
    ("read otherwise than QEMU does", is_misread),
    ("saved, not loaded with the right memory, and not objected to", is_missed),
)


def key(row: Row) -> tuple[str, str]:
    """Key of a row: the version of QEMU and the name of the case."""
    return row["qemu"], row["name"]


def read(path: Path) -> list[Row]:
    """The results so far, the last of each case; a truncated line is left out."""
    rows: dict[tuple[str, str], Row] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        rows[key(row)] = row
    return list(rows.values())


def write(stream: TextIO, row: Row) -> None:
    """Append one result, and flush it."""
    stream.write(json.dumps(row) + "\n")
    stream.flush()


def summary(rows: Iterable[Row]) -> Iterator[str]:
    """Summary of the results, in lines."""
    rows = list(rows)
    for qemu in sorted({row["qemu"] for row in rows}):
        own = [row for row in rows if row["qemu"] == qemu]
        yield f"QEMU {qemu}: {len(own):,} cases"
        for (save, load, memory, verdict), count in sorted(
            Counter(map(_course, own)).items(), key=lambda item: (-item[1], item[0])
        ):
            yield f"{count:8,}  save {save}; load {load}; memory {memory}; check {verdict}"
    for question, holds in QUESTIONS:
        found = [row for row in rows if holds(row)]
        yield f"{question}: {len(found):,}"
        yield from (f"    {row['qemu']} {row['name']}: {_why(row)}" for row in found)


def _course(row: Row) -> tuple[str, str, str, str]:
    memory = row.get("memory", "-").partition(":")[0]
    return row["saved"], row["loaded"], memory, row.get("verdict", "-")


def _why(row: Row) -> str:
    said = row.get("loaded_said", "")
    return " ".join([*row.get("codes", ()), row.get("memory", ""), row.get("reader", ""), said])
