"""`python -m tools.generate.languages -d DIR [LANG...]`: parsers in every language of Kaitai.

Each language gets a folder in DIR. docs/languages.md lists the languages that are verified against
this package, and the defects of the others.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.generate import ksc


@dataclass(frozen=True)
class Language:
    """Options of the compiler for one language.

    `sources` is the folder of the files below the output folder; `mend` fixes each file.
    """

    target: str
    options: tuple[str, ...] = ()
    sources: str = "."
    mend: Callable[[str], str] | None = None


def _mend_rust(text: str) -> str:
    """Mark every instance as read, which the compiler forgets if it is a structure.

    Otherwise it would be read again each time, while the value read before is still borrowed.
    """
    known = re.compile(
        r"( +)if self\.f_(\w+)\.get\(\) \{\n +return Ok\(self\.\2\.borrow\(\)\);\n +\}\n"
        r"(?! +self\.f_\2\.set\(true\);)"
    )
    return known.sub(r"\g<0>\1self.f_\2.set(true);\n", text)


LANGUAGES = {
    "cpp": Language("cpp_stl", ("--cpp-standard", "11", "--cpp-namespace", "mappedram")),
    "csharp": Language("csharp", ("--dotnet-namespace", "MappedRam")),
    "go": Language("go", ("--go-package", "mappedram"), "mappedram"),
    "java": Language("java", ("--java-package", "mappedram")),
    "javascript": Language("javascript"),
    "lua": Language("lua"),
    "nim": Language("nim"),
    "perl": Language("perl"),
    "php": Language("php", ("--php-namespace", "MappedRam")),
    "python": Language("python"),
    "ruby": Language("ruby"),
    "rust": Language("rust", mend=_mend_rust),
}


def generate(name: str, jars: Path, folder: Path) -> Path:
    """Generate parsers in one language into `folder`; return the folder of the sources.

    Raises:
        RuntimeError: the compiler cannot express the spec in this language.
    """
    language = LANGUAGES[name]
    ksc.compile_spec(jars, language.target, language.options, folder)
    sources = folder / language.sources
    if language.mend is not None:
        for path in sources.iterdir():
            path.write_text(language.mend(path.read_text(encoding="utf-8")), encoding="utf-8")
    return sources


def main() -> int:
    """Return 0 if all are written, 1 if the compiler refuses one, 3 if a program is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate.languages", description=__doc__)
    parser.add_argument("-d", "--directory", type=Path, required=True, help="where to write")
    parser.add_argument("language", nargs="*", choices=[*LANGUAGES, []], help="default: all")
    options = parser.parse_args()
    refused = []
    with tempfile.TemporaryDirectory() as directory:
        try:
            jars = ksc.fetch(ksc.COMPILER, Path(directory))
            for name in options.language or LANGUAGES:
                try:
                    print(f"wrote: {generate(name, jars, options.directory / name)}")
                except RuntimeError as error:
                    refused.append(name)
                    print(f"refused: {name}: {error}", file=sys.stderr)
        except ksc.ToolMissingError as error:
            print(f"tools.generate: {error}", file=sys.stderr)
            return 3
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
