"""The programs of Debian that the tests run, and a command that installs the missing ones.

`python -m tools.programs` installs. QEMU and libvirt come from other suites; their own installers
run before. Exit status: 0 all are there, 3 some cannot be installed here (callers go on, and tests
report what is missing).
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

#: Also has Debian's folders of programs for administrators, which not every PATH has.
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Program:
    """A program, its package, and its purpose.

    Attributes:
        names: alternative names.
        package: name of the package in Debian.
        purpose: what is left out without it.
        minimum: the oldest sufficient version, if that matters.
        asked: arguments with which the program prints its version.
    """

    names: tuple[str, ...]
    package: str
    purpose: str
    minimum: tuple[int, ...] = ()
    asked: tuple[str, ...] = ("--version",)

    @property
    def found(self) -> str | None:
        """Its path; None if it is missing or too old.

        The first one in the path may be unusable: a rustup without a toolchain has a cargo that
        prints no version.
        """
        places = (
            shutil.which(name, path=folder)
            for name in self.names
            for folder in SEARCHED.split(os.pathsep)
        )
        return next((place for place in places if place and self._is_new_enough(place)), None)

    def _is_new_enough(self, place: str) -> bool:
        if not self.minimum:
            return True
        told = subprocess.run([place, *self.asked], capture_output=True, text=True, check=False)
        version = re.search(r"\d+(\.\d+)+", told.stdout)
        return version is not None and tuple(map(int, version[0].split("."))) >= self.minimum


PROGRAMS = (
    Program(("bindfs",), "bindfs", "files behind FUSE"),
    Program(("qemu-img",), "qemu-utils", "disk images with internal snapshots"),
    Program(("bzip2",), "bzip2", "save images compressed by bzip2"),
    Program(("cargo",), "cargo", "the parser in Rust", (1, 63)),
    Program(("chromium", "google-chrome"), "chromium", "pages in a browser"),
    Program(("crash",), "crash", "exports read by crash"),
    Program(("dmsetup",), "dmsetup", "snapshots on devices of the device mapper"),
    Program(("file",), "file", "the magic for file(1)"),
    Program(("filefrag",), "e2fsprogs", "files that share blocks"),
    Program(("fuse2fs",), "fuse2fs", "files behind FUSE, without holes"),
    Program(("g++",), "g++", "the parser in C++"),
    Program(("gdb",), "gdb", "exports read by gdb"),
    Program(("gdb-multiarch",), "gdb-multiarch", "exports of other targets read by gdb"),
    # Required by the runtime of Kaitai Struct for Go; Debian 12 has it in backports.
    Program(("go",), "golang-go", "the parser in Go", (1, 23), ("version",)),
    Program(("javac",), "default-jdk-headless", "the parser in Java, the Kaitai compiler"),
    Program(("lzop",), "lzop", "save images compressed by lzop"),
    Program(("swtpm",), "swtpm", "guests with a TPM"),
    Program(("losetup",), "mount", "snapshots on block devices"),
    Program(("makedumpfile",), "makedumpfile", "exports read by makedumpfile"),
    Program(("mkfs.ext4",), "e2fsprogs", "files on ext4"),
    Program(("mkfs.xfs",), "xfsprogs", "files that share blocks"),
    Program(("mksquashfs",), "squashfs-tools", "files on squashfs"),
    Program(("mount",), "mount", "files on other file systems"),
    Program(("mvn",), "maven", "the Kaitai compiler"),
    Program(("nginx",), "nginx-light", "snapshots on a web server"),
    Program(("node",), "nodejs", "the parser in JavaScript"),
    Program(("npm",), "npm", "the parser in JavaScript, the explorer"),
    Program(("squashfuse",), "squashfuse", "files on squashfs behind FUSE"),
    Program(("xz",), "xz-utils", "save images compressed by xz"),
    Program(("zstd",), "zstd", "save images compressed by zstd"),
)


def by_name(name: str) -> Program:
    """The entry of a program. Raises KeyError if there is none."""
    return {name: program for program in PROGRAMS for name in program.names}[name]


def missing() -> list[Program]:
    """The programs that this machine does not have."""
    return [program for program in PROGRAMS if not program.found]


def install(programs: list[Program]) -> str | None:
    """Install programs with apt.

    Returns:
        Why some are still missing; None if none is.
    """
    packages = sorted({program.package for program in programs})
    by_hand = f"sudo apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        return f"this is no Debian; install {', '.join(packages)} by hand"
    if os.geteuid() != 0:
        return f"installing takes root: run '{by_hand}'"
    if not _apt("update"):
        return "apt cannot fetch the package lists; is there a network?"
    for suite in (None, *_backports()):
        _install(packages, suite)
        left = [program for program in programs if not program.found]
        if not left:
            return None
        packages = sorted({program.package for program in left})
    return f"apt cannot install {', '.join(packages)}"


def _install(packages: list[str], suite: str | None) -> None:
    """Let apt install as many of the packages as it can.

    Backports are used if the stable package is too old, or depends on an exact version of a library
    that QEMU has brought from backports (gdb's libdw1 on libelf1).
    """
    options = ["install", "--yes", "--no-install-recommends"]
    if suite:
        options += ["--target-release", suite]
    # Try them one by one if apt cannot install all: some architectures lack packages.
    if not _apt(*options, *packages):
        for package in packages:
            _apt(*options, package)


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
    """Install missing programs; report those that cannot be installed."""
    lacking = missing()
    reason = install(lacking) if lacking else None
    if reason:
        print(f"tools.programs: {reason}", file=sys.stderr)
    return 3 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
