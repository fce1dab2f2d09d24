"""Make the table of machine types of QEMU's releases, and compare it with installed emulators.

The table is `mappedram/qemu/loader/_machines.py`. With --git it is made again from the source of
the releases; that needs git and a C preprocessor. The emulators are those in PATH and those given.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mappedram.qemu.loader import machines
from tools.machines import source, table
from tools.machines.compared import Difference, differences
from tools.machines.listed import Listed, at_hand

PATH = Path(__file__).resolve().parents[2] / "mappedram/qemu/loader/_machines.py"
#: The first release with mapped-ram.
FIRST = "9.0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if every difference is explained, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tools.machines", description=__doc__)
    parser.add_argument("--git", type=Path, metavar="DIR", help="git directory with QEMU's history")
    parser.add_argument("--revision", default="HEAD", help="whose history; default: HEAD")
    parser.add_argument("binary", type=Path, nargs="*", help="further emulators")
    options = parser.parse_args(arguments)
    if options.git:
        commits = source.releases(options.git, options.revision, FIRST)
        declared = {name: source.declared(options.git, commit) for name, commit in commits.items()}
        PATH.write_text(table.module(declared, commits), encoding="utf-8")
        rows = list(machines.rows(table.text(declared)))
    else:
        rows = list(machines.rows())
    listed = [Listed.of(path) for path in (*at_hand(), *options.binary)]
    found = list(differences(rows, listed))
    for line in _lines(found):
        print(line)
    return 1 if any(difference.reason is None for difference in found) else 0


def _lines(found: Sequence[Difference]) -> Iterator[str]:
    """Differences with one reason, on one line."""
    for release, where, reason in dict.fromkeys((d.release, d.where, d.reason) for d in found):
        names = [
            d.machine for d in found if (d.release, d.where, d.reason) == (release, where, reason)
        ]
        yield f"{release}: only {where} has {', '.join(names)}: {reason or 'NOT EXPLAINED'}"


if __name__ == "__main__":
    sys.exit(main())
