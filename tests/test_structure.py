"""Imports run one way, generated files are up to date, and slow modules are loaded on demand."""

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tools.rooms import MODULES, PACKAGE, ROOMS, ROOT, allowed, docstring, imports, room, sentence

#: The modules above all rooms, which no room may import.
FRONT = {"__init__", "__main__", "api", "strategies"}


def modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "kaitai" and path != PACKAGE / "__init__.py"
    ]


def _folders(top: Path) -> list[Path]:
    """The `__init__.py` of every folder; that of the package itself is for its users."""
    return [path for path in sorted(top.rglob("__init__.py")) if path.parent != PACKAGE]


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle in a graph; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_what_its_docstring_says(name: str) -> None:
    inside = [one for one in MODULES if room(one) == name]
    used = {room(imported) for one in inside for imported in imports(one)} - {name}
    assert used == allowed(name)


def test_rooms_stand_upon_each_other() -> None:
    assert circle({name: allowed(name) & {*ROOMS} for name in ROOMS}) == []
    assert not FRONT & {one for name in ROOMS for one in allowed(name)}


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert set(circle({"a": ["b"], "b": ["c"], "c": ["a"]})) == {"a", "b", "c"}


def test_no_module_imports_itself_through_others() -> None:
    assert circle({name: imports(name) for name in MODULES}) == []


@pytest.mark.parametrize("name", ROOMS)
def test_no_circle_inside_a_room(name: str) -> None:
    """Folders and modules of a room, each with everything inside."""

    def part(module: str) -> str:
        return ".".join(module.split(".")[:3])

    graph: dict[str, set[str]] = {}
    for module in MODULES:
        if room(module) == name and module.count(".") > 1:
            others = {one for one in imports(module) if room(one) == name and one.count(".") > 1}
            graph.setdefault(part(module), set()).update(map(part, others))
    assert circle({one: others - {one} for one, others in graph.items()}) == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}))
def test_each_folder_is_a_package(folder: Path) -> None:
    if folder.name == "plugins":
        pytest.skip("Volatility wants no package there")
    assert (folder / "__init__.py").exists()


@pytest.mark.parametrize(
    "path",
    [path for top in (PACKAGE, ROOT / "tests", ROOT / "tools") for path in _folders(top)],
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_each_folder_says_what_belongs_in_it(path: Path) -> None:
    """And what belongs elsewhere."""
    assert sentence(path).endswith(".")
    assert re.search(r"\bbelongs?\b", docstring(path))


def _is_plain(node: ast.stmt) -> bool:
    """Whether a statement is an import, a docstring, `__all__`, or makes the package callable."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign([ast.Name("__all__")]):
            return True
        case ast.Expr(ast.Call(ast.Name("make_callable"))):  # a package that is a verb, too
            return True
    return False


@pytest.mark.parametrize("path", _folders(PACKAGE), ids=lambda p: str(p.parent.relative_to(ROOT)))
def test_a_package_only_offers_what_its_modules_hold(path: Path) -> None:
    """Logic stands in modules with a name."""
    assert all(map(_is_plain, ast.parse(path.read_text(encoding="utf-8")).body))


def test_logic_in_a_package_would_be_seen() -> None:
    statements = ast.parse("'A.'\nimport b\n__all__ = ['b']\nC = 1\ndef d(): ...").body
    assert [_is_plain(node) for node in statements] == [True, True, True, False, False]


#: Imports of a module, also in a program that a tool or a test runs as text.
_IMPORTED = re.compile(r"^(?:from|import) (mappedram[\w.]*)(?![\w.;])", re.MULTILINE)


@pytest.mark.parametrize("top", ["docs", "mappedram", "tests", "tools"])
def test_modules_that_are_imported_exist(top: str) -> None:
    """A program inside a string is invisible to mypy, and some are only run by hand."""
    for path in sorted((ROOT / top).rglob("*")):
        if path.suffix in (".py", ".md"):
            named = set(_IMPORTED.findall(path.read_text(encoding="utf-8")))
            assert named <= MODULES.keys(), path


#: Calls on files whose results differ between file systems.
FILE_CALLS = re.compile(
    "access|[fl]?ch(mod|own)|close|copy_file_range|dup2?|fallocate|f(data)?sync|[fl]?stat(vfs)?"
    "|f?truncate|([fl]?(get|set|list|remove)xattr)|ioctl|link|lockf|lseek|memfd_create|open"
    "|posix_f(advise|allocate)|p?(read|write)v?|remove|renames?|replace|sendfile|splice|symlink"
    "|sync|unlink"
)
#: Methods of `Path` that do the same, or that, since Python 3.14, treat any error as "no".
PATH_CALLS = {
    *("chmod", "exists", "hardlink_to", "is_block_device", "is_dir", "lchmod", "lstat"),
    *("rename", "stat", "symlink_to", "unlink"),
}
#: Other callers, with the reasons.
EXCUSED = {
    "cli/main.py": {"dup2", "open"},  # standard output, whose reader has gone
    "cli/diff.py": {"dup2", "open"},  # the same
    "fuzz/targets/command.py": {"read"},  # a pipe
}


def _names(owner: str | None, name: str) -> set[str]:
    """The attributes of an object that are calls of the layer."""
    if owner == "os":
        return {name} if FILE_CALLS.fullmatch(name) else set()
    return set() if owner in ("calls", "system") else PATH_CALLS


def file_calls(path: Path) -> set[str]:
    """The calls on files in a module: those of `os`, and modules that have more."""
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
    """No other module needs to know error numbers: `mappedram/io/system` has them all."""
    made = {str(path.relative_to(PACKAGE)): file_calls(path) for path in modules()}
    assert {name: calls for name, calls in made.items() if calls and "system/" not in name} == (
        EXCUSED
    )
    assert any(calls for name, calls in made.items() if name == "io/system/calls.py")


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
        p.stem for p in (PACKAGE / "format/kaitai").glob("*.py") if p.stem != "__init__"
    }
    for source in sources:
        text = (PACKAGE / "format/kaitai" / f"{source.stem}.py").read_text(encoding="utf-8")
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
            "manual",
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


@pytest.mark.parametrize("arguments", [["check", "--help"], ["fleet", "check", "--help"]])
def test_engines_are_loaded_when_they_work(arguments: list[str]) -> None:
    program = (
        "import sys; from mappedram.cli.main import main; main(sys.argv[1:]);"
        "print(*sorted({'anyio', 'asyncio', 'dask', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == ""


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


#: Modules with the types of values and their views, which are named like the structures.
TYPES = {"mappedram.format.structures", "mappedram.format.views"}


def test_no_two_public_classes_have_one_name() -> None:
    owners: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        if name in TYPES or name.startswith("mappedram.format.kaitai"):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                owners.setdefault(node.name, []).append(name)
    assert {one: names for one, names in owners.items() if len(names) > 1} == {}
    assert len(owners) > 100


#: Lines of a function, without its docstring, that need no reason.
LINES_MAX = 40
#: What stands above a longer one, and says why. Complexity is held by ruff (`max-complexity`).
REASON = re.compile(r"\s*# long: \w+( \S+){3,}")


def long_functions(text: str) -> list[str]:
    """The functions of a module that are too long, and give no reason for it."""
    lines, found = text.splitlines(), []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first, size = node.body[0], (node.end_lineno or 0) - node.lineno + 1
        if ast.get_docstring(node) is not None:
            size -= (first.end_lineno or 0) - first.lineno + 1
        begin = min([node, *node.decorator_list], key=lambda one: one.lineno)
        if size > LINES_MAX and not REASON.match(lines[begin.lineno - 2]):
            found.append(f"{node.name}: {size} lines")
    return found


@pytest.mark.parametrize("top", ["mappedram", "tests", "tools"])
def test_functions_are_short_or_say_why_not(top: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / top).rglob("*.py"))}
    written = {path: text for path, text in texts.items() if path.parent.name != "kaitai"}
    found = {str(path): long_functions(text) for path, text in written.items()}
    assert {path: names for path, names in found.items() if names} == {}
    assert len(written) > 50


@pytest.mark.parametrize("lines", [LINES_MAX, LINES_MAX + 1])
@pytest.mark.parametrize("comment", ["", "# long: a table of all that there is", "# long: why"])
@pytest.mark.parametrize("above", ["", "@cache\n"])
def test_a_long_function_would_be_seen(lines: int, comment: str, above: str) -> None:
    body = "    pass\n" * (lines - 1)
    text = f'{comment}\n{above}def long() -> None:\n    """A\n    docstring."""\n{body}'
    expected = lines > LINES_MAX and len(comment.split()) < 5
    assert long_functions(text) == ([f"long: {lines} lines"] if expected else [])
