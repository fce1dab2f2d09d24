"""Boot the guests and print where their files are.

    python -m tools.linux [--folder FOLDER] [NAME ...]

Existing files are not made again. Files are kept in FOLDER, in the folder named by the variable
MAPPEDRAM_LINUX, or in ~/.cache/mappedram/linux.
"""

import argparse
import sys
import time
from pathlib import Path

from tools.linux import TABLE, Unavailable, guest
from tools.linux.guest import clean


def main() -> None:
    """Make the guests named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tools.linux", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"guests: {', '.join(TABLE)} (default: all)")
    parser.add_argument("--folder", type=Path, help="where files are kept")
    parser.add_argument("--clean", action="store_true", help="remove all that is kept, and end")
    args = parser.parse_args()
    if unknown := set(args.name) - set(TABLE):
        parser.error(f"no such guest: {', '.join(sorted(unknown))}")
    if args.clean:
        clean(args.folder)
        return
    for name in args.name or TABLE:
        start = time.monotonic()
        try:
            made = guest(name, args.folder)
        except Unavailable as reason:
            print(reason, file=sys.stderr)
            sys.exit(3)
        took = time.monotonic() - start
        print(f"{name}: Linux {made.kernel}, {made.folder}, {took:.1f} s: {made.variant.reason}")


if __name__ == "__main__":
    main()
