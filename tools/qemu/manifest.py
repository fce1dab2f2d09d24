"""The manifests of committed files: what was made, and which of it is to be made again."""

import argparse
import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any


def chosen(names: Collection[str], what: str, description: str) -> list[str]:
    """Those of `names` that the command line asks for; all if it asks for none.

    Args:
        names: what can be made.
        what: what one of them is called.
        description: what the program does.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("name", nargs="*", help=f"{what}s to make (default: all)")
    asked: list[str] = parser.parse_args().name or list(names)
    if unknown := set(asked) - set(names):
        parser.error(f"no such {what}: {', '.join(sorted(unknown))}")
    return asked


def read(path: Path) -> dict[str, Any]:
    """The descriptions by name; none where the file is not there."""
    entries: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return entries


def write(path: Path, entries: Mapping[str, Any], order: Iterable[str]) -> None:
    """Write the descriptions in the order of `order`, each run of pages on one line."""
    ordered = {name: entries[name] for name in order if name in entries}
    text = json.dumps(ordered, indent=1)
    path.write_text(re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text) + "\n")
