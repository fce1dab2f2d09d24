"""`python -m tools.mutants`: does a test notice each change to the declarations and the reader?

Each change is made in a copy of the repository, and the tests run until one fails. Results are
added to a file; what is there already is not tried again. The exit status is 1 if a change was
noticed by none and is not among those that make no difference (`tools/mutants/same.py`).
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tools.mutants.change import Change, changes
from tools.mutants.same import SAME

ROOT = Path(__file__).resolve().parents[2]
#: What is changed.
TARGETS = (
    *(
        f"mappedram/format/{name}.py"
        for name in ("constants", "validity", "arithmetic", "complete")
    ),
    *(f"mappedram/format/{name}.py" for name in ("stream", "section", "ram", "live", "libvirt")),
    *(f"mappedram/format/{name}.py" for name in ("file", "grammar", "vmstate")),
    *(
        f"mappedram/stream/reader/{name}.py"
        for name in ("walk", "assemble", "footer", "vmdescription")
    ),
    "mappedram/stream/regions.py",
    "mappedram/stream/writer/build.py",
    "mappedram/stream/writer/plan.py",
)
#: The tests, those first that notice most and take least.
TESTS = (
    *(
        "tests/format/test_declared.py",
        "tests/stream/test_regions.py",
        "tests/format/test_agreement.py",
    ),
    *(
        "tests/conformance/test_expected.py",
        "tests/stream/reader/test_reader.py",
        "tests/check/test_rebuilt.py",
    ),
    *(
        "tests/stream/test_roundtrip.py",
        "tests/stream/reader/test_live.py",
        "tests/stream/writer",
        "tests/stream",
    ),
    *(
        "tests/stream/libvirt",
        "tests/fuzz/test_defects.py",
        "tests/check",
        "tests/unknown",
        "tests/stream/vmstate",
    ),
)
#: Seconds for all tests; a change that makes a reader go round in circles is noticed by that.
_TIMEOUT = 1800


class Mutant(NamedTuple):
    """One change to one file."""

    path: str
    change: Change

    @property
    def name(self) -> str:
        """What tells it from others, as long as the file stays as it is."""
        return f"{self.path}:{self.change.line}:{self.change.start}: {self.change.what}"


def main() -> int:
    """Try, and print what was not noticed."""
    options = _options()
    mutants = [
        Mutant(path, change)
        for path in options.paths or TARGETS
        for change in changes((ROOT / path).read_text(encoding="utf-8"))
    ]
    if options.list:
        print("\n".join(mutant.name for mutant in mutants))
        return 0
    done = _read(options.out)
    left = [mutant for mutant in mutants if mutant.name not in done]
    if options.sample:
        left = random.Random(options.seed).sample(left, min(options.sample, len(left)))
    _run(left, options.jobs, options.out, done)
    survivors = [name for name in sorted(done) if not done[name]]
    new = [name for name in survivors if _without_place(name) not in SAME]
    for name in new:
        print(f"not noticed: {name}")
    killed = len(done) - len(survivors)
    print(f"{killed} of {len(done)} noticed, {len(survivors) - len(new)} make no difference")
    return 1 if new else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("paths", nargs="*", help="what is changed, instead of all")
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--sample", type=int, help="so many of those left, at random")
    parser.add_argument("--seed", default="1", help="of the sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="only name the changes")
    return parser.parse_args()


def _read(path: Path) -> dict[str, bool]:
    """By name: whether a change was noticed."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {row["name"]: row["noticed"] for row in map(json.loads, lines)}


def _without_place(name: str) -> tuple[str, str]:
    """File and words of a mutant, which stay where lines move."""
    path, _, _, what = name.split(":", 3)
    return path, what.strip()


def _run(mutants: list[Mutant], jobs: int, out: Path, done: dict[str, bool]) -> None:
    copies: SimpleQueue[Path] = SimpleQueue()
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        out.open("a", encoding="utf-8") as stream,
        ThreadPoolExecutor(jobs) as pool,
    ):
        for number in range(jobs):
            copies.put(_copy(Path(folder, str(number))))

        def attempt(mutant: Mutant) -> tuple[Mutant, bool]:
            copy = copies.get()
            try:
                return mutant, _is_noticed(mutant, copy)
            finally:
                copies.put(copy)

        for mutant, noticed in pool.map(attempt, mutants):
            done[mutant.name] = noticed
            stream.write(json.dumps({"name": mutant.name, "noticed": noticed}) + "\n")
            stream.flush()
            print(f"{'noticed' if noticed else 'NOT NOTICED'}: {mutant.name}", file=sys.stderr)


def _copy(folder: Path) -> Path:
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", "shared")
    shutil.copytree(ROOT, folder, ignore=ignored)
    return folder


def _is_noticed(mutant: Mutant, copy: Path) -> bool:
    target = copy / mutant.path
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.change.applied(original), encoding="utf-8")
    # A module that is compiled within the second, and of the same size, would be taken from there.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "ci"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS]
    try:
        tests = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(original, encoding="utf-8")
    return tests.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
