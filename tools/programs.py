"""The programs of Debian that the tests run, and one command that installs those that are missing.

`python -m tools.programs` installs; QEMU and libvirt, which come from other suites, have installers
of their own. Exit status: 0 all are there, 3 some cannot be installed here (callers go on, and
tests say what is missing).
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

#: Where Debian keeps programs for administrators, which not every PATH names.
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Program:
    """A program, the package that has it, and what needs it.

    Attributes:
        names: any of these will do.
        package: name of the package in Debian.
        purpose: what is left out without it.
    """

    names: tuple[str, ...]
    package: str
    purpose: str

    @property
    def found(self) -> str | None:
        """Where it is; None where it is missing."""
        return next(filter(None, (shutil.which(name, path=SEARCHED) for name in self.names)), None)


PROGRAMS = (
    Program(("chromium", "google-chrome"), "chromium", "pages in a browser"),
    Program(("crash",), "crash", "exports read by crash"),
    Program(("file",), "file", "the magic for file(1)"),
    Program(("g++",), "g++", "the parser in C++"),
    Program(("gdb",), "gdb", "exports read by gdb"),
    Program(("go",), "golang-go", "the parser in Go"),
    Program(("javac",), "default-jdk-headless", "the parser in Java, the Kaitai compiler"),
    Program(("lzop",), "lzop", "save images compressed by lzop"),
    Program(("makedumpfile",), "makedumpfile", "exports read by makedumpfile"),
    Program(("mkfs.xfs",), "xfsprogs", "files that share blocks"),
    Program(("mvn",), "maven", "the Kaitai compiler"),
    Program(("node",), "nodejs", "the parser in JavaScript"),
    Program(("npm",), "npm", "the parser in JavaScript, the explorer"),
    Program(("zstd",), "zstd", "save images compressed by zstd"),
)


def missing() -> list[Program]:
    """The programs that this machine does not have."""
    return [program for program in PROGRAMS if not program.found]


def install(programs: list[Program]) -> str | None:
    """Install programs with apt.

    Returns:
        Why some are still missing; None where none is.
    """
    packages = sorted({program.package for program in programs})
    by_hand = f"sudo apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        return f"this is no Debian; install {', '.join(packages)} by hand"
    if os.geteuid() != 0:
        return f"installing takes root: run '{by_hand}'"
    if not _apt("update"):
        return "apt cannot fetch the package lists; is there a network?"
    # One by one where not all can be had together: not every architecture has every package.
    if not _install(packages):
        for package in packages:
            _install([package])
    left = [program for program in programs if not program.found]
    return f"apt cannot install {', '.join(p.package for p in left)}" if left else None


def _install(packages: list[str]) -> bool:
    """Whether apt has installed all of the packages.

    What QEMU brought from backports may be newer than what a package of the stable suite depends
    on to the letter (gdb's libdw1 on libelf1); the package then comes from backports as well.
    """
    options = ("install", "--yes", "--no-install-recommends")
    return _apt(*options, *packages) or any(
        _apt(*options, "--target-release", suite, *packages) for suite in _backports()
    )


def _backports() -> list[str]:
    """The backports suites that apt is set up with."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted({suite for suite in listed.stdout.split() if suite.endswith("-backports")})


def _apt(*arguments: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "--quiet", *arguments]
    return subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode == 0


def main() -> int:
    """Install what is missing; say what cannot be."""
    lacking = missing()
    reason = install(lacking) if lacking else None
    if reason:
        print(f"tools.programs: {reason}", file=sys.stderr)
    return 3 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
