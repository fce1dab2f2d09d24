"""`python -m tools.generate [--check]`: write the derived files, or fail if one is stale."""

import argparse
import sys
from importlib import import_module

from tools.generate import ksc, ksy

#: Modules with a function `outputs`, in the order of their dependencies: modules that read the
#: declarations of the package come after those that write its names and docs.
STEPS = ("kaitai", "spec_table", "structures", "format_tables", "clause_table", "magic", "imhex")


def main() -> int:
    """Return 0 if all are written or fresh, 1 if one is stale, 3 if a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    parser.add_argument("step", nargs="*", choices=[*STEPS, []], help="only these; default: all")
    options = parser.parse_args()
    stale = []
    for step in options.step or STEPS:
        try:
            outputs: dict[str, str] = import_module(f"tools.generate.{step}").outputs()
        except ksc.ToolMissingError as error:
            print(f"tools.generate: {error}", file=sys.stderr)
            return 3
        for name, text in outputs.items():
            path = ksy.ROOT / name
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            stale.append(name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{'stale' if options.check else 'wrote'}: {name}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
