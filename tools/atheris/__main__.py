"""`python -m tools.atheris run|replay|dictionary`: fuzz our own readers, guided by coverage.

`run` writes failing inputs to FOLDER/failures, one file for each place, and inputs with new
coverage to FOLDER/corpus, where the next run continues.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.atheris import dictionary, targets


def main() -> int:
    """Return 0 if nothing failed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tools.atheris", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("run", help="fuzz for a time")
    verb.add_argument("--seconds", type=int, default=60)
    verb.add_argument("--folder", type=Path, default=Path("atheris"))
    verb = verbs.add_parser("replay", help="run inputs once, without atheris")
    verb.add_argument("files", type=Path, nargs="+")
    verbs.add_parser("dictionary", help="print the words of the format for libFuzzer")
    options = parser.parse_args()
    if options.verb == "dictionary":
        print(dictionary.text(), end="")
    elif options.verb == "replay":
        for file in options.files:
            targets.run(file.read_bytes())
    else:
        return _run(options.folder, options.seconds)
    return 0


def _run(folder: Path, seconds: int) -> int:
    """Fuzz in a child process, which libFuzzer ends."""
    program = [sys.executable, "-m", "tools.atheris.fuzz", str(folder), str(seconds)]
    done = subprocess.run(program, check=False)
    failures = sorted((folder / "failures").iterdir())
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
