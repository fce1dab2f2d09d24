"""Run the command in another Python, with the locked dependencies."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LOCK = ROOT / "tools" / "locked" / "dev.txt"
#: Prints the version that names an environment.
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def run(python: str, arguments: Sequence[str]) -> int:
    """Run `python -m tools.draw` with these arguments in another Python; return its exit status."""
    program = [str(_environment(python)), "-m", "tools.draw", *arguments]
    return subprocess.run(program, cwd=ROOT, check=False).returncode


def _environment(python: str) -> Path:
    """Interpreter of an environment with all locked packages; it is created if missing.

    Raises:
        OSError: there is no such Python.
        subprocess.CalledProcessError: it is not a Python, or packages cannot be installed.
    """
    asked = subprocess.run([python, "-c", _VERSION], stdout=subprocess.PIPE, text=True, check=True)
    folder = ROOT / f".venv-{asked.stdout.strip()}"
    inside, stamp = folder / "bin" / "python", folder / "installed"
    pip = [str(inside), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    if not stamp.exists():
        print(f"{folder.name}: installing", file=sys.stderr)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([*pip, "--require-hashes", "--requirement", str(_LOCK)], check=True)
        stamp.touch()
    return inside
