"""Build the driver of each language from the spec, and run it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.reading import Reading
from tools import programs
from tools.generate import ksc, ksy, languages

DRIVERS = Path(__file__).parent / "drivers"


@dataclass(frozen=True)
class Toolchain:
    """Build and use of a driver.

    Attributes:
        programs: required programs, besides the compiler of Kaitai.
        build: compiles a folder, given the folder of the compiler's jars.
        command: runs the driver in that folder.
        parser: folder for the parser.
        example: file for an example of docs/languages.md, and the command that runs it.
    """

    programs: tuple[str, ...]
    build: Callable[[Path], None]
    command: tuple[str, ...]
    parser: str
    example: tuple[str, tuple[str, ...]]
    environment: dict[str, str] = field(default_factory=dict)


def _nothing(folder: Path) -> None:
    """Do nothing: Python is not compiled, and its parser is committed."""


def _javascript(folder: Path) -> None:
    _run(folder, "npm", "ci", "--silent")


def _java(folder: Path) -> None:
    ksc.fetch(folder, folder / "jars")
    sources = [str(path) for path in folder.glob("**/*.java")]
    _run(folder, "javac", "-Xlint:-options", "-cp", "jars/*", "-d", "classes", *sources)


def _go(folder: Path) -> None:
    _run(folder, "go", "build", "-o", "driver", ".")


def _cpp(folder: Path) -> None:
    objects = []
    for source in folder.glob("parser/*.cpp"):
        objects.append(f"{source.stem}.o")
        _run(folder, *_GXX, "-c", str(source), "-o", objects[-1])
    _run(folder, "ar", "rcs", "libparser.a", *objects)
    _run(folder, *_GXX, "-o", "driver", "driver.cpp", "libparser.a")


def _rust(folder: Path) -> None:
    _run(folder, *_CARGO, "build", "--release", environment=os.environ | _RUSTC)


_GXX = ("g++", "-std=c++11", "-Wall", "-Wextra", "-Wno-type-limits", "-I.", "-Iparser")
_EXAMPLE_CPP = f'{" ".join(_GXX)} -o example example.cpp libparser.a && ./example "$1"'
#: All that it needs is in the folder; rustc is the one beside cargo.
_CARGO_FOUND = programs.by_name("cargo").found or "cargo"
_CARGO = (_CARGO_FOUND, "--offline", "--quiet")
_RUSTC = {"RUSTC": str(Path(_CARGO_FOUND).with_name("rustc"))}
_JAVA = ("java", "-XX:TieredStopAtLevel=1", "-cp", "classes:jars/*")

TOOLCHAINS = {
    "python": Toolchain(
        (),
        _nothing,
        (sys.executable, "driver.py"),
        "parser",
        ("example.py", (sys.executable, "example.py")),
        {"PYTHONPATH": str(ksy.ROOT)},
    ),
    "javascript": Toolchain(
        ("node", "npm"),
        _javascript,
        ("node", "driver.js"),
        "parser",
        ("example.js", ("node", "example.js")),
    ),
    "java": Toolchain(
        ("javac", "mvn"),
        _java,
        (*_JAVA, "Driver"),
        "parser",
        ("Example.java", (*_JAVA, "Example.java")),
    ),
    "go": Toolchain(
        ("go",),
        _go,
        ("./driver",),
        "mappedram",
        ("example/main.go", ("go", "run", "./example")),
        {"CGO_ENABLED": "0"},
    ),
    "cpp": Toolchain(
        ("g++",),
        _cpp,
        ("./driver",),
        "parser",
        ("example.cpp", ("sh", "-c", _EXAMPLE_CPP, "sh")),
    ),
    "rust": Toolchain(
        ("cargo",),
        _rust,
        ("target/release/driver",),
        "src/parser",
        ("src/bin/example.rs", (*_CARGO, "run", "--release", "--bin", "example")),
        _RUSTC,
    ),
}


@dataclass(frozen=True)
class Built:
    """A driver that is ready to run."""

    toolchain: Toolchain
    folder: Path

    def read(self, files: Sequence[tuple[int, int]]) -> list[Reading]:
        """The readings of open files, given by their descriptors and the offsets of the streams."""
        readings, _ = self.read_and_measure(files)
        return readings

    def read_and_measure(self, files: Sequence[tuple[int, int]]) -> tuple[list[Reading], int]:
        """Read like `read`; return also how many bytes the driver read, its own program included.

        Its largest memory cannot be measured: that of a process begins with its parent's.
        """
        process = subprocess.Popen(
            self.toolchain.command,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            for fd, offset in files:
                process.stdin.write(f"{offset} /proc/{os.getpid()}/fd/{fd}\n")
            process.stdin.close()
            readings = [json.loads(line) for line in process.stdout]
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            counters = Path(f"/proc/{process.pid}/io").read_text()
            assert process.wait() == 0
        numbers = dict(line.split(": ") for line in counters.splitlines())
        return readings, int(numbers["rchar"])

    def run_example(self, source: str, path: Path) -> str:
        """Output of a program for the path of a file."""
        name, command = self.toolchain.example
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(source, encoding="utf-8")
        return _run(self.folder, *command, str(path), environment=self._environment())

    def _environment(self) -> dict[str, str]:
        return os.environ | self.toolchain.environment


def build(name: str, base: Path) -> Built:
    """Build the driver of a language in `base`, once for all processes."""
    toolchain = TOOLCHAINS[name]
    folder = base / name
    with _locked(base / f"{name}.lock"):
        if not (folder / "ready").exists():
            shutil.copytree(DRIVERS / name, folder, dirs_exist_ok=True)
            if name != "python":
                made = languages.generate(name, compiler(base), folder / "made")
                made.rename(folder / toolchain.parser)
            toolchain.build(folder)
            (folder / "ready").touch()
    return Built(toolchain, folder)


def compiler(base: Path) -> Path:
    """The jars of the compiler, fetched once into `base`."""
    folder = base / "compiler"
    with _locked(base / "compiler.lock"):
        if not (folder / "ready").exists():
            ksc.fetch(ksc.COMPILER, folder)
            (folder / "ready").touch()
    return folder


def missing(name: str) -> list[str]:
    """Programs missing on this machine."""
    generator = () if name == "python" else ("javac", "mvn")
    needed = (*generator, *TOOLCHAINS[name].programs)
    return [program for program in needed if not programs.by_name(program).found]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock out other processes until the end of the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(folder: Path, *argv: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}:\n{done.stdout}{done.stderr}"
    return done.stdout
