"""Downloads for each language: files, requirements, and first commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kit:
    """An archive for one language.

    Attributes:
        title: the usual name of the language.
        parser: the folder of the generated parsers.
        example: the file for the example of docs/languages.md.
        needs: requirements, with the verified version.
        start: commands for the unpacked folder, which print the blocks of FILE.
        ours: our own files, by their place in `tests/conformance/drivers/LANGUAGE`; with their
            place in the archive, if it differs.
    """

    title: str
    parser: str
    example: str
    needs: str
    start: tuple[str, ...]
    ours: Mapping[str, str] = field(default_factory=dict)


def _same(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


#: Package of the Python parsers in the archive; in ours, they are part of another one.
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
        "nothing: the runtime is ours; C++11",
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
        "nothing: the runtime is ours; Rust 1.63",
        ("cargo run --offline --release --bin example FILE",),
        _same(
            *("Cargo.toml", "src/lib.rs", "src/parser.rs", "kaitai/Cargo.toml"),
            *("kaitai/src/lib.rs", "kaitai/src/stream.rs", "kaitai/src/tree.rs"),
        ),
    ),
}
