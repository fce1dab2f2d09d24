"""`python -m tools.docs [OUT]`: build the site; any problem is an error."""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.docs import downloads, explorer, links, site, transcripts
from tools.generate import ksc


def main() -> int:
    """Return 0 if built with valid links, 1 otherwise, 3 if a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=site.ROOT / "build" / "docs")
    parser.add_argument(
        "--update", action="store_true", help="write what the commands on the pages print now"
    )
    options = parser.parse_args()
    if options.update:
        for path in transcripts.PAGES:
            path.write_text(transcripts.updated(path.read_text(encoding="utf-8")), "utf-8")
        return 0
    pages, html = options.out / "pages", options.out / "html"
    try:
        app = explorer.page(options.out / "cache")
        archives = downloads.build(options.out / "cache")
    except ksc.ToolMissingError as error:
        print(f"tools.docs: {error}", file=sys.stderr)
        return 3
    site.stage(pages, app, archives)
    # An incremental build would not update a page whose table of contents has changed.
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html"]
    done = subprocess.run([*command, pages, html], check=False)
    broken = links.broken(html)
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    if done.returncode or broken:
        return 1
    print(html / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
