"""The archives of the site have the contents of the repository, and their commands work."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

import mappedram
from mappedram.format.specification import FILES
from tests.conformance import toolchains
from tests.conformance.conftest import workshop
from tests.conformance.toolchains import TOOLCHAINS
from tests.conftest import Fixtures
from tools import programs
from tools.docs import downloads
from tools.docs.kits import KITS, PYTHON_PACKAGE
from tools.docs.relink import relinked
from tools.generate import ksy
from tools.generate.ksc import ToolMissingError

__all__ = ["workshop"]

#: Unpacks one archive into a folder of its own.
Unpacked = Callable[[str], Path]
ARCHIVES = [f"mapped-ram-{name}.zip" for name in (*KITS, "ksy", "vectors")]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    try:
        return downloads.build(tmp_path_factory.mktemp("work"))
    except ToolMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def unpacked(archives: dict[str, bytes], tmp_path: Path) -> Unpacked:
    def unpack(name: str) -> Path:
        with ZipFile(io.BytesIO(archives[f"mapped-ram-{name}.zip"])) as opened:
            opened.extractall(tmp_path)
        return tmp_path / f"mapped-ram-{name}"

    return unpack


def test_there_is_one_for_each_verified_language(archives: dict[str, bytes]) -> None:
    assert KITS.keys() == TOOLCHAINS.keys()
    assert [*archives] == [*ARCHIVES, downloads.CHECKSUMS]


def test_the_same_sources_give_the_same_bytes(
    archives: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time, the time zone and the folder make no difference."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert downloads.build(tmp_path / "another") == archives
    for data in (archives[name] for name in ARCHIVES):
        with ZipFile(io.BytesIO(data)) as opened:
            assert {member.date_time[0] for member in opened.infolist()} == {1980}
            assert opened.namelist() == sorted(opened.namelist())


def test_the_checksums_are_those_of_the_archives(archives: dict[str, bytes]) -> None:
    lines = archives[downloads.CHECKSUMS].decode().splitlines()
    assert sorted(line.split()[1] for line in lines) == sorted(ARCHIVES)
    for line in lines:
        digest, name = line.split()
        assert sha256(archives[name]).hexdigest() == digest


@pytest.mark.parametrize("language", KITS)
def test_files_of_ours_are_those_of_the_repository(language: str, unpacked: Unpacked) -> None:
    folder = unpacked(language)
    drivers = toolchains.DRIVERS / language
    for source, target in KITS[language].ours.items():
        assert (folder / (target or source)).read_bytes() == (drivers / source).read_bytes()
    assert (folder / "LICENSE").read_bytes() == (ksy.ROOT / "LICENSE").read_bytes()
    parsers = {
        re.sub(r"[_.]|(cpp|h)$", "", path.name)
        for path in (folder / KITS[language].parser).rglob("*")
    }
    text = " ".join(parsers).lower()
    for path in ksy.sources():
        assert path.stem.replace("_", "") in text
    readme = (folder / "README.md").read_text("utf-8")
    assert f"mappedram {mappedram.__version__}" in readme
    assert all(line in readme for line in KITS[language].start)


def test_all_of_a_driver_is_offered_but_what_tests_it() -> None:
    """A new file in a driver is either part of the runtime, or named here."""
    only_tests = {"driver.py", "driver.js", "reading.js", "Driver.java", "sha256sums"}
    only_tests |= {"main.go", "driver.cpp", "src/main.rs"}
    for language, kit in KITS.items():
        drivers = toolchains.DRIVERS / language
        paths = (path for path in drivers.rglob("*") if path.is_file())
        names = {
            str(path.relative_to(drivers)) for path in paths if "__pycache__" not in path.parts
        }
        assert names - only_tests == kit.ours.keys()


def test_the_parsers_for_python_are_ours(unpacked: Unpacked) -> None:
    folder = unpacked("python") / PYTHON_PACKAGE
    ours = {path.name: path for path in (ksy.ROOT / "mappedram/format/kaitai").glob("*.py")}
    assert {path.name for path in folder.iterdir()} == ours.keys()
    for path in folder.iterdir():
        text = path.read_text("utf-8")
        assert text.replace(PYTHON_PACKAGE, "mappedram.format.kaitai") == ours[path.name].read_text(
            "utf-8"
        )
        assert "mappedram.format.kaitai" not in text


def test_the_specification_and_the_vectors_are_whole(unpacked: Unpacked) -> None:
    folder = unpacked("ksy")
    found = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix != ".md"}
    kinds = (".ksy", ".hexpat", ".magic")
    assert found == {name: file.data for name, file in FILES.items() if name.endswith(kinds)}
    folder = unpacked("vectors")
    assert (folder / "vectors.jsonl").read_bytes() == FILES["vectors.jsonl"].data
    lines = (folder / "vectors.jsonl").read_text("utf-8").splitlines()
    named = {
        vector["file"][0] for vector in map(json.loads, lines) if isinstance(vector["file"], list)
    }
    assert named
    assert all((folder / path).read_bytes() == (ksy.ROOT / path).read_bytes() for path in named)


@pytest.mark.parametrize("language", KITS)
def test_what_it_says_to_type_reads_a_vector(
    language: str, unpacked: Unpacked, fixtures: Fixtures
) -> None:
    if lacking := toolchains.missing(language):
        pytest.skip(f"{language} needs {', '.join(lacking)}: run tools/install")
    folder, path = unpacked(language), fixtures["pc"].path
    with mappedram.open(path) as snapshot:
        blocks = [block.model for block in snapshot.blocks]
    environment = os.environ | TOOLCHAINS[language].environment
    environment.pop("PYTHONPATH", None)
    found = (programs.by_name(name).found for name in TOOLCHAINS[language].programs)
    folders = [str(Path(program).parent) for program in (sys.executable, *found) if program]
    environment["PATH"] = os.pathsep.join([*folders, environment["PATH"]])
    printed = ""
    for line in KITS[language].start:
        if " pip install " in line:
            continue  # installed already: the tests need it themselves
        command = line.replace("FILE", str(path))
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout
    assert printed.splitlines() == [f"{b.idstr} {b.used_length} {b.num_pages}" for b in blocks]


def test_the_page_lists_all(archives: dict[str, bytes]) -> None:
    page = relinked(downloads.page(archives), {"downloads", "languages"})
    assert re.findall(r'href="downloads/([^"]+)"', page) == [*archives]
    for name in ARCHIVES:
        assert f"`{sha256(archives[name]).hexdigest()}`" in page
    for language, kit in KITS.items():
        part = page.partition(f"## {kit.title}\n")[2].partition("```sh\n")[2].partition("```")[0]
        lines = part.splitlines()
        assert lines[0] == f"unzip -q mapped-ram-{language}.zip && cd mapped-ram-{language}"
        assert tuple(lines[1:]) == kit.start
        assert len(lines) <= 5
