"""The explorer: one HTML file that reads a snapshot in the user's browser.

kaitai-struct-compiler generates the parsers from the spec; the runtime is the package
`kaitai-struct` of npm. Both are kept in a folder until the spec changes.
"""

import gzip
import hashlib
import json
import shutil
import subprocess
import tempfile
from base64 import b64encode
from pathlib import Path

from mappedram.check import RULES
from mappedram.format._spec import TYPES
from mappedram.format.constants import CommandType
from mappedram.format.specification import clauses
from mappedram.html._clauses import FIELDS
from mappedram.html.bar import KINDS, STRIP_MANY, STRIP_NOTE, STRIP_WIDEST, STRIP_WIDTHS
from mappedram.html.markup import Markup, tag
from mappedram.io.opening import open_source
from tools.docs import words
from tools.docs.samples import unpacked
from tools.generate import ksc, ksy

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = _ROOT / "docs" / "explorer"
_PAGE = _ROOT / "mappedram" / "html"
#: A stream over a large file, and the package that it needs; docs/languages.md describes them.
_RUNTIME = _ROOT / "tests" / "conformance" / "drivers" / "javascript"
#: The sample, and where the button for a file that is cut short cuts it: in the pages.
_SAMPLE, _SAMPLE_CUT = "pc", 5_000_000
_SHARED = ("places", "latin1", "blob_source", "window_stream")

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:;"
    " style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
#: Finds modules by name in any folder.
_LOADER = """\
const defined = {}, loaded = {};
const require = (name) => {
  const key = name.split("/").at(-1);
  if (!loaded[key]) {
    const module = loaded[key] = { exports: {} };
    defined[key](module, module.exports, require);
  }
  return loaded[key].exports;
};
"""


def page(cache: Path) -> str:
    """The explorer as one file.

    Args:
        cache: a folder for generated and fetched files.

    Raises:
        ToolMissingError: Java, Maven or npm is missing.
    """
    return _document(
        f'{bundle(cache)}require("worker");\n', json.dumps(_data() | {"SAMPLE": _sample()})
    )


def bundle(cache: Path) -> str:
    """All modules that read and judge a file, for a worker or for Node; `require` runs one.

    Raises:
        ToolMissingError: Java, Maven or npm is missing.
    """
    data = json.dumps(_data() | words.data(), separators=(",", ":"))
    modules = {"data": f"module.exports = {data};"}
    for path in (*_parsers(cache), _runtime(cache), *_own()):
        modules[path.stem] = path.read_text(encoding="utf-8")
    return _LOADER + "".join(
        f"defined[{json.dumps(name)}] = (module, exports, require) => {{\n{text}\n}};\n"
        for name, text in modules.items()
    )


def _data() -> dict[str, object]:
    """The package's data about fields, rules and clauses."""
    types = {
        kind: [
            {**field._asdict(), "clauses": FIELDS.get((kind, field.name), ())}
            for field in spec.fields
        ]
        for kind, spec in TYPES.items()
    }
    rules = {
        rule.code: {
            "name": rule.name,
            "severity": rule.severity,
            "why": rule.why,
            "remedy": rule.remedy,
            "clause": rule.clause,
        }
        for rule in RULES.values()
    }
    commands = {command.value: command.name for command in CommandType}
    return {
        "TYPES": types,
        "RULES": rules,
        "CLAUSES": {number: clause.first for number, clause in clauses().items()},
        "COMMANDS": commands,
        "KINDS": KINDS,
        "STRIP": {
            "note": STRIP_NOTE,
            "widths": STRIP_WIDTHS,
            "widest": STRIP_WIDEST,
            "many": STRIP_MANY,
        },
    }


def _sample() -> dict[str, object]:
    """A file of a real QEMU: its data without the holes."""
    with unpacked(_SAMPLE) as folder:
        (path,) = folder.iterdir()
        with open_source(path) as source:
            extents = [(start, end) for start, end in source.extents(0, source.size)]
            data = b"".join(source.read(start, end - start) for start, end in extents)
            size = source.size
    return {
        "name": path.name,
        "size": size,
        "cut": _SAMPLE_CUT,
        "extents": [(start, end - start) for start, end in extents],
        # Without a time, the same sources give the same page.
        "data": b64encode(gzip.compress(data, mtime=0)).decode(),
    }


def _own() -> list[Path]:
    own = [path for path in sorted(_SOURCES.glob("*.js")) if path.stem != "explorer"]
    return [*own, *(_RUNTIME / f"{name}.js" for name in _SHARED)]


def _parsers(cache: Path) -> list[Path]:
    """The generated parsers, which record the place of each field."""
    folder = cache / f"parsers-{_digest(*ksy.sources(), ksc.COMPILER / 'pom.xml')}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            jars, written = Path(work, "jars"), Path(work, "parsers")
            jars.mkdir()
            written.mkdir()
            ksc.compile_spec(ksc.fetch(ksc.COMPILER, jars), "javascript", ("--read-pos",), written)
            _keep(written, folder)
    return sorted(folder.glob("*.js"))


def _runtime(cache: Path) -> Path:
    """The runtime in the version of the lock file."""
    locks = [_RUNTIME / "package.json", _RUNTIME / "package-lock.json"]
    folder = cache / f"runtime-{_digest(*locks)}"
    if not folder.exists():
        if shutil.which("npm") is None:
            raise ksc.ToolMissingError("npm is needed for the runtime of Kaitai Struct")
        with tempfile.TemporaryDirectory(dir=cache) as work:
            for path in locks:
                shutil.copy(path, work)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=work, check=True, capture_output=True)
            _keep(Path(work, "node_modules"), folder)
    return folder / "kaitai-struct" / "KaitaiStream.js"


def _keep(made: Path, folder: Path) -> None:
    """Rename a folder; if another process was faster, its folder has the same contents."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def _document(worker: str, data: str) -> str:
    styles = "".join(_text(path) for path in (_PAGE / "page.css", _SOURCES / "explorer.css"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", "mappedram explorer"),
        tag("style", Markup(styles)),
    )
    chooser = tag(
        "div",
        tag("label", "Snapshot, or drop it here ", tag("input", type="file", id="file")),
        tag("label", "Offset of the stream ", tag("input", id="offset", value="0")),
        tag(
            "div",
            tag("button", "Try a sample", id="sample", type="button"),
            tag("button", "Try one that is cut short", id="cut-sample", type="button"),
        ),
        tag("output", "Nothing leaves this machine.", id="state", aria_live="polite"),
        class_="drop",
    )
    scripts = (
        tag("script", _inline(worker), type="text/plain", id="worker"),
        tag("script", _inline(f"const mappedramData = {data};")),
        tag("script", _inline(_text(_PAGE / "page.js"))),
        tag("script", _inline(_text(_SOURCES / "explorer.js"))),
    )
    body = tag("body", tag("header", chooser), _about(), tag("main", id="result"), *scripts)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _about() -> Markup:
    return tag(
        "section",
        tag("h1", "Explorer"),
        tag(
            "p",
            "Shows the structure of a mapped-ram snapshot of QEMU or a libvirt save image: regions"
            " to scale, the pages of each block, every field of every header, and structural"
            " errors, in the words of ",
            tag("code", "mappedram check"),
            ".",
        ),
        tag(
            "p",
            "This page reads only headers and bitmaps of the file. It works offline, and sends no"
            " data. ",
            tag("a", "Features and limits", href="../explorer.html"),
        ),
        id="about",
        aria_label="About this page",
    )


def _inline(script: str) -> Markup:
    """A script within a page; `</script` would end it, even in a string."""
    return Markup(script.replace("</script", r"<\/script").replace("<!--", r"<\!--"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
