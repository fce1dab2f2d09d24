"""Store results of long runs: atomic files, and the commit that they belong to."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def replace(path: Path, text: str) -> None:
    """Rewrite a file atomically.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def commit(*apart: Path) -> str:
    """The commit of this repository, with `+` if files differ from it.

    Args:
        apart: files that may differ.

    Raises:
        subprocess.CalledProcessError: this is not a checkout.
    """
    git = ["git", "-C", str(ROOT)]
    said = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    others = [f":(exclude){path.relative_to(ROOT)}" for path in apart]
    differs = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", *others], check=False)
    return f"{said}+" if differs.returncode else said
