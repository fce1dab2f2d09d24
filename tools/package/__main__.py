"""`python -m tools.package [--out DIR]`: build wheel and sdist, and try them as a user would.

Needs no network. Exit status: 0 both can be released, 1 something is wrong with them.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import mappedram
from mappedram.format.specification import FILES
from tools.docs.site import ROOT
from tools.package import contents
from tools.package.environment import Environment
from tools.unpack import unpack

FIXTURE = ROOT / "tests" / "fixtures" / "pc.tar.gz"


class _WrongError(Exception):
    """A defect of an archive, described by the message."""


def main() -> int:
    """Build and check both archives, install each and use it."""
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    parser.add_argument("--out", type=Path, help="keep the archives in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mappedram-package-") as name:
        folder = Path(name)
        out = (options.out or folder / "dist").resolve()
        try:
            wheel, sdist = _build(out)
            _look_into(wheel, sdist)
            snapshot = unpack(FIXTURE, folder)
            for archive in (wheel, sdist):
                _use(archive, snapshot, folder / archive.suffix[1:])
        except (_WrongError, subprocess.CalledProcessError) as error:
            print("\n".join([str(error), *getattr(error, "__notes__", ())]), file=sys.stderr)
            return 1
    print(f"{wheel.name} and {sdist.name} can be released")
    return 0


def _build(out: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it."""
    out.mkdir(parents=True, exist_ok=True)
    wheel = out / f"mappedram-{mappedram.__version__}-py3-none-any.whl"
    sdist = out / f"mappedram-{mappedram.__version__}.tar.gz"
    _run("build", "--no-isolation", "--outdir", out, ROOT)
    _run("twine", "check", "--strict", wheel, sdist)
    return wheel, sdist


def _run(module: str, *words: str | Path) -> None:
    command = [sys.executable, "-m", module, *map(str, words)]
    print(f"+ {shlex.join(command)}", flush=True)
    subprocess.run(command, check=True)


def _look_into(wheel: Path, sdist: Path) -> None:
    checkout = contents.files_of(ROOT)
    held, source = contents.of_wheel(wheel), contents.of_sdist(sdist)
    wrong = [
        *contents.wrong_with_wheel(held, checkout, mappedram.__version__),
        *contents.wrong_with_sdist(source, checkout),
    ]
    if wrong:
        raise _WrongError("\n".join(wrong))
    print(f"wheel: {len(held)} files, sdist: {len(source)} files, as they should be", flush=True)


def _use(archive: Path, snapshot: Path, folder: Path) -> None:
    """Install an archive in a new environment, and run its command."""
    print(f"+ pip install {archive.name}, in a new environment", flush=True)
    environment = Environment.made(folder, archive)
    told = environment.run([environment.command, "--version"]).stdout
    if told != f"mappedram {mappedram.__version__}\n":
        raise _WrongError(f"{archive.name}: --version says {told!r}")
    for words in (["check", snapshot], ["explain", "MR201"], ["explain", "E-028"]):
        print(f"+ mappedram {shlex.join(map(str, words))}", flush=True)
        environment.run([environment.command, *words])
    environment.run([environment.command, "spec", "-d", "spec"])
    for file in FILES.values():
        if (folder / "spec" / file.name).read_bytes() != file.data:
            raise _WrongError(f"{archive.name}: `mappedram spec` writes another {file.name}")


if __name__ == "__main__":
    sys.exit(main())
