"""What the site offers for each language: which files, what else is needed, and how to begin."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kit:
    """An archive for one language.

    Attributes:
        title: the language, as people write it.
        parser: the folder of the generated parsers.
        example: the file that the example of docs/languages.md becomes.
        needs: what has to be there besides, with the version that is verified.
        start: commands in the folder that was unpacked, which print the blocks of FILE.
        ours: files of ours, by the place in `tests/conformance/drivers/LANGUAGE`; where a place in
            the archive is given, they go there.
    """

    title: str
    parser: str
    example: str
    needs: str
    start: tuple[str, ...]
    ours: Mapping[str, str] = field(default_factory=dict)


def _same(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


#: The package that the parsers for Python are in the archive; in ours, they are another's part.
PYTHON_PACKAGE = "mapped_ram_kaitai"

KITS = {
    "python": Kit(
        "Python",
        PYTHON_PACKAGE,
        "example.py",
        "`kaitaistruct` 0.11, PyPI",
        ("python3 -m pip install kaitaistruct==0.11", "python3 example.py FILE"),
    ),
    "javascript": Kit(
        "JavaScript",
        "parser",
        "example.js",
        "`kaitai-struct` 0.11.0, npm; Node 20 or a browser",
        ("npm ci", "node example.js FILE"),
        _same(
            *("package.json", "package-lock.json", "file_source.js", "blob_source.js"),
            *("window_stream.js", "places.js", "latin1.js"),
        ),
    ),
    "java": Kit(
        "Java",
        "parser",
        "Example.java",
        "`io.kaitai:kaitai-struct-runtime` 0.11, Maven Central; Java 17",
        (
            "mvn -q dependency:copy-dependencies -DoutputDirectory=jars",
            "javac -cp 'jars/*' -d classes *.java parser/mappedram/*.java",
            "java -cp 'classes:jars/*' Example FILE",
        ),
        _same("WindowStream.java", "pom.xml"),
    ),
    "go": Kit(
        "Go",
        "mappedram",
        "example/main.go",
        "`github.com/kaitai-io/kaitai_struct_go_runtime` v0.11.0, which `go` fetches",
        ("go run ./example FILE",),
        {**_same("go.mod", "go.sum"), "window.go": "example/window.go"},
    ),
    "cpp": Kit(
        "C++",
        "parser",
        "example.cpp",
        "C++11; the runtime is included",
        (
            "g++ -std=c++11 -I. -Iparser -o example example.cpp parser/*.cpp",
            "./example FILE",
        ),
        _same("kaitai/exceptions.h", "kaitai/kaitaistream.h", "kaitai/kaitaistruct.h"),
    ),
    "rust": Kit(
        "Rust",
        "src/parser",
        "src/bin/example.rs",
        "Rust 1.63; the runtime is included",
        ("cargo run --offline --release --bin example FILE",),
        _same(
            *("Cargo.toml", "src/lib.rs", "src/parser.rs", "kaitai/Cargo.toml"),
            *("kaitai/src/lib.rs", "kaitai/src/stream.rs", "kaitai/src/tree.rs"),
        ),
    ),
}
