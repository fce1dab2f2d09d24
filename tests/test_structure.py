"""Imports run one way, generated files are fresh, and what is slow is loaded only where needed."""

import ast
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mappedram"

#: Lowest first: a module imports from its own layer and those before it.
LAYERS = [
    {"errors", "json_types", "printable", "spans", "specification"},
    {"system"},
    {"layout"},
    {"kaitai"},
    {"model"},
    {"bitmap", "changes", "drivers", "intervals", "packed", "source"},
    {"scattered"},
    {"coverage", "soundness"},
    {"machine", "reader", "regions", "vmstate"},
    {"cpu", "physical", "snapshot", "pageio", "sizes", "output"},
    {"gather", "rebuild", "writer"},
    {"convert"},
    {"container"},
    {"loader"},
    {"check", "diff"},
    {"repair", "hint", "capture", "fuzz", "metadump"},
    {"strategies", "derived"},
    {"cli", "html", "volatility", "__main__"},
]


def layer(module: str) -> int:
    name = module.split(".")[1]
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            is_root = node.module == "mappedram"
            found |= {f"mappedram.{a.name}" for a in node.names} if is_root else {node.module}
    return {name for name in found if name.startswith("mappedram.")}


def modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "kaitai" and path != PACKAGE / "__init__.py"
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for imported in imports(path):
        if imported == "mappedram.__version__" or (
            not (PACKAGE / imported.split(".")[1]).with_suffix(".py").exists()
            and not (PACKAGE / imported.split(".")[1]).is_dir()
        ):
            continue  # a name that the package itself offers
        assert layer(imported) <= layer(own), f"{own} imports {imported}"


#: Calls on files whose answers differ from one file system to the next.
FILE_CALLS = re.compile(
    "access|[fl]?ch(mod|own)|close|copy_file_range|dup2?|fallocate|f(data)?sync|[fl]?stat(vfs)?"
    "|f?truncate|([fl]?(get|set|list|remove)xattr)|ioctl|link|lockf|lseek|memfd_create|open"
    "|posix_f(advise|allocate)|p?(read|write)v?|remove|renames?|replace|sendfile|splice|symlink"
    "|sync|unlink"
)
#: Methods of `Path` that ask the same, or, from Python 3.14 on, take any error for "no".
PATH_CALLS = {
    *("chmod", "exists", "hardlink_to", "is_block_device", "is_dir", "lchmod", "lstat"),
    *("rename", "stat", "symlink_to", "unlink"),
}
#: What makes such calls elsewhere, and why.
EXCUSED = {
    "cli/main.py": {"dup2", "open"},  # standard output, which nobody reads any more
    "cli/diff.py": {"dup2", "open"},  # likewise
    "fuzz/targets/command.py": {"read"},  # a pipe
}


def _names(owner: str | None, name: str) -> set[str]:
    """The calls of an object that are those of the layer."""
    if owner == "os":
        return {name} if FILE_CALLS.fullmatch(name) else set()
    return set() if owner in ("calls", "system") else PATH_CALLS


def file_calls(path: Path) -> set[str]:
    """The calls on files that a module makes: those of `os`, and modules that have more."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            found |= {node.attr} & _names(getattr(node.value, "id", None), node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found |= {alias.name for alias in node.names if FILE_CALLS.fullmatch(alias.name)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & {"ctypes", "fcntl", "mmap"}
        elif isinstance(node, ast.ImportFrom) and node.module in ("ctypes", "fcntl", "mmap"):
            found.add(node.module)
    return found


def test_one_layer_asks_the_system() -> None:
    """Nobody else has to know what an error number means: `mappedram/system` has them all."""
    made = {str(path.relative_to(PACKAGE)): file_calls(path) for path in modules()}
    assert {name: calls for name, calls in made.items() if calls and "system/" not in name} == (
        EXCUSED
    )
    assert any(calls for name, calls in made.items() if name == "system/calls.py")


def test_only_the_command_line_prints_or_exits() -> None:
    for path in modules():
        if path.parent.name == "cli" or path.name == "__main__.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*print\(|sys\.exit\(|SystemExit", text, re.MULTILINE), path


def test_generated_parsers_are_those_of_the_spec() -> None:
    """Each names the hash of its source; `python -m tools.generate --check` compares the text."""
    sources = sorted((ROOT / "spec").glob("*.ksy"))
    assert {s.stem for s in sources} == {
        p.stem for p in (PACKAGE / "kaitai").glob("*.py") if p.stem != "__init__"
    }
    for source in sources:
        text = (PACKAGE / "kaitai" / f"{source.stem}.py").read_text(encoding="utf-8")
        assert f"(sha256 {hashlib.sha256(source.read_bytes()).hexdigest()})" in text, source.name


def test_derived_tables_are_fresh() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.generate",
            "--check",
            "spec_table",
            "structures",
            "format_tables",
            "clause_table",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_reading_headers_loads_nothing_slow() -> None:
    program = (
        "import sys, mappedram; mappedram.open(sys.argv[1]).regions();"
        "print(*sorted({'numpy', 'rich', 'kaitaistruct', 'yaml'} & set(sys.modules)))"
    )
    fixture = ROOT / "tests" / "fixtures" / "none.tar.gz"
    done = subprocess.run(
        [
            "sh",
            "-c",
            'cd "$(mktemp -d)" && tar -xzf "$1" && exec "$2" -c "$3" none.mapped-ram',
            "sh",
            fixture,
            sys.executable,
            program,
        ],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


def clause_ids() -> set[str]:
    text = (ROOT / "spec" / "format.md").read_text(encoding="utf-8")
    return set(re.findall(r'<a id="c-([\d.]+)"></a>', text))


def test_clauses_are_numbered_in_order_and_links_resolve() -> None:
    text = (ROOT / "spec" / "format.md").read_text(encoding="utf-8")
    numbers = re.findall(r'<a id="c-([\d.]+)"></a>\n\*\*([\d.]+)\*\*', text)
    assert len(numbers) == len(clause_ids()) > 150
    assert all(anchor == number for anchor, number in numbers)
    keys = [tuple(map(int, anchor.split("."))) for anchor, _ in numbers]
    assert keys == sorted(keys)
    anchors = set(re.findall(r'<a id="([^"]+)"></a>', text))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")) + sorted((ROOT / "tests").rglob("*.py")), ids=str
)
def test_clauses_named_in_the_code_exist(path: Path) -> None:
    named = re.findall(r"clauses? (\d+\.\d+\.\d+)", path.read_text(encoding="utf-8"))
    assert set(named) <= clause_ids()
