"""Results on disk, one JSON object a line, and what they come to."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

OUTCOMES = ("loads", "wrong-memory", "refuses", "crashes", "hangs")

Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """The results so far, by number; a last line that was cut off is left out."""
    rows: dict[int, Row] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        rows[row["index"]] = row
    return [rows[index] for index in sorted(rows)]


def write(stream: TextIO, row: Row) -> None:
    """Add one result, which is on disk when this returns."""
    stream.write(json.dumps(row) + "\n")
    stream.flush()


def agrees(row: Row) -> bool:
    """Whether the model said what QEMU did."""
    return bool(row["qemu"] == row["model"])


def matrix(rows: Iterable[Row]) -> list[str]:
    """What QEMU did, by row, against what the model said, as a table in Markdown."""
    counts = Counter((row["qemu"], row["model"]) for row in rows)
    lines = [
        "| QEMU, below; the model, right | " + " | ".join(OUTCOMES) + " | all |",
        "|---|" + "---:|" * (len(OUTCOMES) + 1),
    ]
    for did in OUTCOMES:
        cells = [counts[did, said] for said in OUTCOMES]
        lines.append(f"| {did} | " + " | ".join(f"{n:,}" for n in (*cells, sum(cells))) + " |")
    return lines


def messages(rows: Iterable[Row]) -> tuple[int, int]:
    """Of the refusals whose message the model foretold: how many it got right, and how many."""
    foretold = [row for row in rows if agrees(row) and row["expected"] and row["said"]]
    return sum(row["expected"] in row["said"] for row in foretold), len(foretold)
