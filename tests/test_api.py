"""The front door: what `import mappedram` offers, and that each verb is a function there."""

import copy
import gzip
import importlib
import inspect
import io
import multiprocessing
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mappedram
from mappedram.callable_module import CallableModule
from mappedram.export.blocks import ChoiceError
from mappedram.export.convert import FORMS, AlignError, MissingXmlError
from mappedram.export.mapped_ram import OutputLayout
from mappedram.io.copying import Progress
from mappedram.io.source import Source
from mappedram.repair import REPAIRS
from mappedram.stream.snapshot import OpenSnapshot
from tests.cli.conftest import Run, run
from tests.conftest import Fixtures
from tests.files import copy_sparse
from tests.stream.libvirt.conftest import samples
from tests.stream.libvirt.samples import XML, Samples
from tools.docs.site import DOCS

__all__ = ["run", "samples"]

#: Bytes of a page in the fixtures.
PAGE = 4096
PACKAGES = ("check", "diff", "repair")


def loaded(program: str) -> list[str]:
    """What a program of a new Python prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


# Names.


def test_names_are_the_same_everywhere() -> None:
    """In `__all__`, in `dir`, and on the page."""
    offered = {name for name in mappedram.__all__ if not name.startswith("__")}
    assert {name for name in dir(mappedram) if not name.startswith("__")} == offered
    assert list(mappedram.__all__) == sorted(mappedram.__all__)
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    entry = r"^\.\. (?:auto)?(?:class|function):: mappedram\.(\w+)$"
    on_page = set(re.findall(entry, text, re.MULTILINE))
    errors = {
        name
        for name in offered
        if getattr(mappedram, name).__module__ == "mappedram.errors"
        and "automodule:: mappedram.errors" in text
    }
    assert on_page | errors == offered
    for name in mappedram.__all__:
        assert getattr(mappedram, name) is not None


def test_every_function_says_what_it_takes_and_raises() -> None:
    functions = [n for n in mappedram.__all__ if n.islower() and not n.startswith("__")]
    assert len(functions) == 9
    for name in functions:
        found = getattr(mappedram, name)
        function = vars(found)[name] if isinstance(found, CallableModule) else found
        assert "Args:" in function.__doc__
        assert "Raises:" in function.__doc__
        for parameter in inspect.signature(found).parameters:
            assert re.search(rf"^ +\*?\*?{parameter}: ", function.__doc__, re.MULTILINE), parameter


def test_importing_costs_nothing() -> None:
    program = "import mappedram, sys; dir(mappedram); print(*sys.modules)"
    modules = set(loaded(program))
    slow = {"numpy", "kaitaistruct", "rich", "click", "mappedram.check", "mappedram.diff"}
    assert not modules & {*slow, "mappedram.repair", "mappedram.export", "mappedram.stream.writer"}


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        mappedram.opne  # type: ignore[attr-defined] # noqa: B018


# Packages that are called.


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_one_thing(name: str) -> None:
    """Whether somebody imports it or calls it first."""
    late = f"import mappedram; a = mappedram.{name}; import mappedram.{name} as b; print(a is b)"
    early = f"import mappedram.{name} as b; import mappedram; print(mappedram.{name} is b)"
    other = f"from mappedram import {name} as a; import mappedram.{name} as b; print(a is b)"
    for program in (late, early, other):
        assert loaded(program) == ["True"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_taken_by_what_takes_modules_and_functions(name: str) -> None:
    package = getattr(mappedram, name)
    function = vars(package)[name]
    assert callable(package)
    assert inspect.ismodule(package)
    assert inspect.signature(package) == inspect.signature(function)  # type: ignore[arg-type]
    assert importlib.import_module(f"mappedram.{name}") is package
    assert pickle.loads(pickle.dumps(package)) is package
    assert copy.deepcopy(package) is package
    assert pickle.loads(pickle.dumps(function)) is function
    shown = loaded(f"import mappedram; help(mappedram.{name})")
    assert [*["Help", "on", "package"], f"mappedram.{name}"] == shown[:4]
    assert f"{name}(" in " ".join(shown)


def test_a_package_survives_a_reload() -> None:
    program = (
        "import importlib, mappedram; importlib.reload(mappedram.diff);"
        "print(callable(mappedram.diff))"
    )
    assert loaded(program) == ["True"]


def test_a_pool_judges_files(fixtures: Fixtures) -> None:
    paths = [fixtures[name].path for name in ("none", "killed")]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(mappedram.check, paths)
    assert [report.verdict for report in found] == [mappedram.check(p).verdict for p in paths]


# Each verb: the same as the command does.


def test_check(fixtures: Fixtures) -> None:
    report = mappedram.check(fixtures["pc"].path, release="10.0")
    assert isinstance(report, mappedram.Report)
    assert report.asked.release
    assert mappedram.check(fixtures["pc"].path.read_bytes()).findings == report.findings


def test_diff(fixtures: Fixtures, tmp_path: Path) -> None:
    path = fixtures["pc"].path
    changed = copy_sparse(path, tmp_path / "changed")
    with mappedram.open(path) as snapshot:
        block = snapshot.block["pc.ram"]
        place = block.file_offset(int(block.runs()[0, 0]) * block.page_size, 1)
        assert place is not None
        byte = snapshot.source.read(place, 1)[0]
        with changed.open("r+b") as stream:
            stream.seek(place)
            stream.write(bytes([byte ^ 1]))
        found = mappedram.diff(snapshot, io.BytesIO(changed.read_bytes()))
        assert mappedram.diff(path, snapshot).same is True
        assert snapshot.block["pc.ram"][:1] is not None  # it is open still
    assert isinstance(found, mappedram.Comparison)
    assert found.same is False
    assert [(one.idstr, one.count()) for one in found.pages if one.count()] == [("pc.ram", 1)]
    with pytest.raises(mappedram.UnsupportedError) as caught:
        mappedram.diff(path, __file__)
    assert caught.value.filename == __file__


def test_extract(fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    path = fixtures["pc"].path
    done = mappedram.extract(path, tmp_path / "ours", channels=2)
    assert isinstance(done, mappedram.Extracted)
    assert run("extract", path, "-d", str(tmp_path / "theirs")).status == 0
    theirs = sorted((tmp_path / "theirs").iterdir())
    assert [one.path.name for one in done.blocks if one.path.exists()] != []
    assert sorted(one.path.name for one in done.blocks) == [one.name for one in theirs]
    for one in theirs:
        assert (tmp_path / "ours" / one.name).read_bytes() == one.read_bytes()
    with mappedram.open(path) as snapshot:
        for written in done.blocks:
            block = snapshot.block[written.idstr]
            assert written.path.read_bytes() == block[:]
            assert written.stored_bytes == sum(pages.data.nbytes for pages in block.pages())
        single = mappedram.extract(snapshot, out=tmp_path / "one", blocks=["pc.ram"])
    assert [(b.idstr, b.path) for b in single.blocks] == [("pc.ram", tmp_path / "one")]
    assert not single.unknown


def test_what_cannot_be_extracted(fixtures: Fixtures, tmp_path: Path) -> None:
    path, out = fixtures["pc"].path, tmp_path / "out"
    with pytest.raises(
        mappedram.UnknownNameError, match=r"no block 'nothing'; there are .*'pc.ram'"
    ):
        mappedram.extract(path, out, blocks=["nothing"])
    with pytest.raises(ChoiceError, match="out takes one block, not 6"):
        mappedram.extract(path, out=out)
    for both in ({}, {"directory": out, "out": out}):
        with pytest.raises(mappedram.BuildError, match="one of directory and out"):
            mappedram.extract(path, **both)  # type: ignore[arg-type]
    with pytest.raises(mappedram.UnknownPagesError):
        mappedram.extract(fixtures["killed"].path, out)
    assert not list(tmp_path.iterdir())
    done = mappedram.extract(fixtures["killed"].path, out, partial=True)
    assert done.unknown
    with pytest.raises(FileExistsError):
        mappedram.extract(path, out=done.blocks[0].path, blocks=["pc.ram"])


@contextmanager
def counted(what: str, total: int) -> Iterator[Progress]:
    """Tells how far it is."""
    moved: list[int] = []
    yield moved.append
    SHOWN.append((what, total, sum(moved)))


SHOWN: list[tuple[str, int, int]] = []


@pytest.mark.parametrize("form", FORMS)
def test_convert(form: str, fixtures: Fixtures, samples: Samples, tmp_path: Path, run: Run) -> None:
    path = samples["sparse"].path if form == "libvirt-sparse" else fixtures["pc"].path
    SHOWN.clear()
    done = mappedram.convert(path, tmp_path / "ours", form, progress=counted)  # type: ignore[arg-type]
    assert isinstance(done, mappedram.Converted)
    assert (done.form, done.path, done.unknown) == (form, tmp_path / "ours", ())
    [(what, total, moved)] = SHOWN
    assert what == "convert"
    assert 0 < moved <= total  # of raw memory, some is hidden by other blocks
    theirs = run("convert", "-O", form, path, str(tmp_path / "theirs"))
    assert theirs.status == 0
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert sorted(theirs.err.splitlines()) == sorted(f"mappedram: {note}" for note in done.notes)


def test_a_snapshot_that_is_open_is_converted(fixtures: Fixtures, tmp_path: Path) -> None:
    path = fixtures["plain"].path
    with mappedram.open(path) as snapshot:
        mappedram.convert(snapshot, tmp_path / "open", "mapped-ram")
    mappedram.convert(path, tmp_path / "file", "mapped-ram")
    assert (tmp_path / "open").read_bytes() == (tmp_path / "file").read_bytes()
    assert mappedram.diff(path, tmp_path / "open").same is True


def test_what_cannot_be_converted(fixtures: Fixtures, tmp_path: Path) -> None:
    path, out = fixtures["pc"].path, tmp_path / "out"
    with pytest.raises(mappedram.UnknownNameError, match="no form 'qcow2'; there are 'elf'"):
        mappedram.convert(path, out, "qcow2")  # type: ignore[arg-type]
    with pytest.raises(MissingXmlError, match="no domain XML"):
        mappedram.convert(path, out, "libvirt-sparse")
    for form, options in (
        ("elf", {"block": "pc.ram"}),
        ("stream", {"below_4g": 1 << 20}),
        ("raw", {"below_4g": 1 << 20, "block": "pc.ram"}),
        ("mapped-ram", {"xml": XML}),
    ):
        with pytest.raises(mappedram.BuildError, match=r"requires? the form"):
            mappedram.convert(path, out, form, **options)  # type: ignore[arg-type]
    assert not out.exists()


def test_an_alignment_that_fits_no_page(fixtures: Fixtures, tmp_path: Path) -> None:
    for name in ("pc", "plain"):
        path, out = fixtures[name].path, tmp_path / name
        for align in (16, PAGE + 1, PAGE + 16):
            with pytest.raises(AlignError, match=f"align {align:#x}: .*the page size, 0x1000"):
                mappedram.convert(path, out, "mapped-ram", layout=OutputLayout(align=align))
            with mappedram.open(path) as snapshot, pytest.raises(AlignError):
                mappedram.convert(snapshot, out, "mapped-ram", layout=OutputLayout(align=align))
        assert not out.exists()
        mappedram.convert(path, out, "mapped-ram", layout=OutputLayout(align=2 * PAGE))
        assert mappedram.check(out).verdict == "clean"


def test_a_compressed_stream_in_memory(fixtures: Fixtures, tmp_path: Path) -> None:
    packed = gzip.compress(fixtures["none"].path.read_bytes(), 1)
    for file in (packed, io.BytesIO(packed)):
        assert mappedram.check(file).verdict == "clean"
        mappedram.convert(file, tmp_path / "out", "mapped-ram", force=True)
        assert mappedram.diff(fixtures["none"].path, tmp_path / "out").same is True


def test_repair(fixtures: Fixtures, tmp_path: Path) -> None:
    damaged = copy_sparse(fixtures["pc"].path, tmp_path / "damaged")
    with mappedram.open(damaged) as snapshot:
        place = snapshot.place(snapshot.blocks[0].model.path, "mapped_ram/page_size")
    with damaged.open("r+b") as stream:
        stream.seek(place)
        stream.write((2048).to_bytes(8, "big"))
    before = damaged.read_bytes()
    planned = mappedram.repair(damaged)
    assert isinstance(planned, mappedram.Repaired)
    assert planned.path is None
    assert [change.name for change in planned.made]
    assert {change.name for change in planned.made} <= {repair.name for repair in REPAIRS}
    assert damaged.read_bytes() == before
    done = mappedram.repair(io.BytesIO(before), tmp_path / "mended")
    assert done.path == tmp_path / "mended"
    assert done.report.verdict == mappedram.check(tmp_path / "mended").verdict == "clean"
    assert mappedram.diff(fixtures["pc"].path, tmp_path / "mended").same is True
    assert mappedram.repair(damaged, in_place=True).path == damaged
    assert damaged.read_bytes() == (tmp_path / "mended").read_bytes()
    with pytest.raises(mappedram.BuildError, match="in_place"):
        mappedram.repair(damaged, tmp_path / "x", in_place=True)
    with pytest.raises(mappedram.BuildError, match="in_place"):
        mappedram.repair(before, in_place=True)


def test_physical(fixtures: Fixtures) -> None:
    path = fixtures["pc"].path
    with mappedram.open(path) as snapshot:
        expected = snapshot.physical.read(0xFFFFFFF0, 16)
        with mappedram.physical(snapshot) as memory:
            assert isinstance(memory, mappedram.PhysicalMemory)
            assert memory.read(0xFFFFFFF0, 16) == expected
        assert snapshot.blocks[0][:1] is not None  # it is open still
    with mappedram.physical(path) as memory:
        assert memory.read(0xFFFFFFF0, 16) == expected
    with pytest.raises(OSError, match="Bad file descriptor"):
        memory.read(0xFFFFFFF0, 16)
    with pytest.raises(ValueError, match="below_4g"):
        mappedram.physical(path, below_4g=0)


def test_an_open_source_stays_open(fixtures: Fixtures) -> None:
    with mappedram.open(fixtures["none"].path) as snapshot:
        source: Source = snapshot.source
        assert isinstance(snapshot, OpenSnapshot)
        mappedram.check(source)
        mappedram.repair(source)
        assert source.read(0, 4) == b"QEVM"
