"""A test run is the same wherever and however it is started, and writes nowhere else."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from tests import hermetic
from tests.conftest import ENVIRONMENT
from tests.watching import Watch

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = {
    "HOME": "/dev/null/home",
    "XDG_CACHE_HOME": "/dev/null/cache",
    "XDG_CONFIG_HOME": "/dev/null/config",
    "TMPDIR": "/dev/null/tmp",
    "LC_ALL": "C",
    "LANG": "tr_TR.ISO-8859-9",
    "LANGUAGE": "tr",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-16",
    "PYTHONWARNINGS": "error",
    "PYTHONHASHSEED": "1",
    "TZ": "Pacific/Chatham",
    "COLUMNS": "20",
    "LINES": "2",
    "TERM": "xterm-256color",
    "FORCE_COLOR": "1",
    "NO_COLOR": "1",
    "MAPPEDRAM_QEMU": "/dev/null",
    "GZIP": "-1",
    "POSIXLY_CORRECT": "1",
}
#: Tests that depend on the settings of a hostile environment, unless they are reset.
PROBES = (
    "tests/test_surroundings.py::test_what_a_test_finds",
    "tests/cli/test_main.py",
    "tests/cli/test_text.py",
    "tests/docs/test_transcripts.py",
    "tests/export/test_formats.py::test_an_end_by_signal_leaves_nothing",
)


def test_what_a_test_finds(tmp_path: Path) -> None:
    """Run here, and again in a hostile environment."""
    assert Path.home().is_dir()
    assert not list(Path.home().glob(".bash*"))
    assert {name: os.environ.get(name) for name in hermetic.FIXED} == hermetic.FIXED
    assert {*HOSTILE} & {*ENVIRONMENT} - {*hermetic.FIXED, "HOME", "TMPDIR"} == set()
    assert (time.tzname[0], time.timezone) == ("UTC", 0)
    (tmp_path / "text").write_bytes("\N{SNOWMAN}".encode())
    with (tmp_path / "text").open() as file:
        assert file.read() == "\N{SNOWMAN}"
    assert (tmp_path / "text").stat().st_mode & 0o777 == 0o644
    program = "import locale, signal; print(locale.getencoding(), signal.getsignal(signal.SIGINT))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.casefold() == f"utf-8 {signal.default_int_handler}\n".casefold()


def start_badly() -> None:
    """Start a process as a careless script does in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    os.umask(0o027)


def test_passes_in_hostile_surroundings() -> None:
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PROBES],
        cwd=ROOT,
        env=kept | HOSTILE,
        preexec_fn=start_badly,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_caches_are_taken_over_where_there_is_a_home(tmp_path: Path) -> None:
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    (home / ".cache").mkdir(parents=True)
    (home / "go").mkdir()
    (home / ".npmrc").touch()
    found = hermetic.environment({"HOME": str(home), "GOCACHE": "/chosen", "EDITOR": "ed"}, scratch)
    assert found["GOPATH"] == f"{home}/go"
    assert found["npm_config_userconfig"] == f"{home}/.npmrc"
    assert found["PIP_CACHE_DIR"] == f"{home}/.cache/pip"
    assert found["GOCACHE"] == "/chosen"
    assert found["HOME"] == f"{scratch}/home"
    assert not {"PIP_CONFIG_FILE", "GOENV", "EDITOR"} & {*found}
    without = hermetic.environment({"HOME": "/dev/null/home"}, scratch)
    assert not {*hermetic.DECLARED} & {*without}


# Writing.


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("open", lambda path: path.open("w")),
        ("open", lambda path: path.open("r+b")),
        ("open", lambda path: os.open(bytes(path), os.O_RDWR)),
        ("os.mkdir", lambda path: path.mkdir()),
        ("os.remove", lambda path: path.unlink()),
        ("os.rename", lambda path: Path("/dev/null/from").rename(path)),
        ("os.symlink", lambda path: path.symlink_to("/dev/null")),
        ("os.link", lambda path: path.hardlink_to("/dev/null/from")),
        ("os.truncate", lambda path: os.truncate(path, 0)),
        ("os.rmdir", lambda path: path.rmdir()),
    ],
)
def test_writing_elsewhere_is_noted(
    watch: Watch, tmp_path: Path, event: str, action: object
) -> None:
    assert callable(action)
    link = tmp_path / "link"
    link.symlink_to("/")
    for path in (Path("/nowhere/x"), link / "nowhere/x", Path.home().parent.parent / "nowhere/x"):
        with watch.noted() as noted, pytest.raises(OSError, match=r"nowhere|/dev/null"):
            action(path)
        assert noted == [f"{event} {path}"]


def test_reading_and_own_places_are_not_noted(watch: Watch, tmp_path: Path) -> None:
    with watch.noted() as noted:
        assert Path("/etc/passwd").read_bytes()
        (tmp_path / "file").write_bytes(b"own")
        (Path.home() / "file").write_bytes(b"own")
        (Path(os.environ["TMPDIR"]) / "folder").mkdir()
        Path("/dev/null").write_bytes(b"nothing")
        with (tmp_path / "file").open("rb") as file:
            Path(f"/proc/self/fd/{file.fileno()}").write_bytes(b"own")
    assert noted == []


# Warnings.

FOREIGN = """
import warnings

def deprecated(level):
    warnings.warn("foreign", DeprecationWarning, stacklevel=level)
"""


def deprecated(level: int, caller: str) -> None:
    """Call a deprecated function from a module of the given name."""
    names = {"__name__": "foreign.library"}
    exec(compile(FOREIGN, "foreign.py", "exec"), names)
    exec(compile(f"deprecated({level})", "caller.py", "exec"), names | {"__name__": caller})


@pytest.mark.parametrize(
    "caller",
    ["mappedram", "mappedram.stream.reader.parser", "tools.docs.site", "tests.cli.conftest"],
)
def test_a_warning_that_our_code_causes_is_an_error(caller: str) -> None:
    with pytest.raises(DeprecationWarning):
        deprecated(2, caller)
    with pytest.raises(RuntimeWarning):
        warnings.warn_explicit("overflow", RuntimeWarning, "file.py", 1, caller)


@pytest.mark.parametrize(
    ("level", "caller"),
    [
        (1, "mappedram.stream.reader.parser"),
        (2, "jsonschema.validators"),
        (2, "mappedrammer"),
        (2, "tests2"),
    ],
)
def test_a_warning_that_others_cause_is_shown(level: int, caller: str) -> None:
    with warnings.catch_warnings(record=True) as shown:
        deprecated(level, caller)
    assert [str(warning.message) for warning in shown] == ["foreign"]
