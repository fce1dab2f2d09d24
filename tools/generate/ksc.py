"""Run kaitai-struct-compiler, and fetch it and other jars, which are pinned by their hashes.

The compiler is the JVM build from Maven Central. `compiler/pom.xml` has its version, and
`compiler/sha256sums` the hashes of all its files; other files are refused.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.generate import ksy

COMPILER = Path(__file__).parent / "compiler"
#: A JVM that runs for seconds does not profit from its optimizer.
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class ToolMissingError(Exception):
    """A required program is missing on this machine."""


def fetch(project: Path, folder: Path) -> Path:
    """Put the jars that `project` pins into `folder`, from Maven's cache or from Maven Central.

    Raises:
        ToolMissingError: Maven is missing.
        RuntimeError: a jar is not the pinned one.
    """
    _run(
        [
            *("mvn", "-q", "-B", "-f", str(project / "pom.xml")),
            *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
        ]
    )
    lines = (project / "sha256sums").read_text().splitlines()
    pinned = {name: digest for digest, name in map(str.split, lines)}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    if found != pinned:
        raise RuntimeError(f"not the pinned jars: {found.items() ^ pinned.items()}")
    return folder


def compile_spec(
    jars: Path,
    target: str,
    options: tuple[str, ...],
    folder: Path,
    sources: Sequence[Path] | None = None,
) -> str:
    """Generate parsers for one target of the compiler into `folder`; return its warnings.

    `sources` are other `.ksy` files than those of the spec.

    Raises:
        ToolMissingError: Java is missing.
        RuntimeError: the compiler refuses the spec.
    """
    return _run(
        [
            *("java", *_QUICK, "-cp", f"{jars}/*", "io.kaitai.struct.JavaMain"),
            *("--target", target),
            *options,
            *("--outdir", str(folder), "-I", str(ksy.SPEC), *map(str, sources or ksy.sources())),
        ]
    )


def _run(argv: list[str]) -> str:
    if shutil.which(argv[0]) is None:
        raise ToolMissingError(
            f"{argv[0]} is needed to run kaitai-struct-compiler"
            " (Debian: apt-get install default-jre-headless maven)"
        )
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    # The compiler exits with 0 after some errors, but it prints nothing on success.
    if done.returncode or "error:" in done.stderr:
        raise RuntimeError(f"{argv[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stderr
