"""The environment of a test run, which is the same on every machine.

`tests/conftest.py` calls `settle` in each process of pytest, before anything is collected. Programs
that tests start inherit its settings: an empty home, a folder for temporary files, locale, time
zone, size of the terminal, file mode mask and signals.
"""

import atexit
import locale
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tools.fresh import SETTINGS

#: Variables that are kept: paths of programs, pytest's own, and choices of the user. Those of
#: `SETTINGS`, sources of packages, are kept as well.
KEPT = re.compile(
    r"PATH|LD_LIBRARY_PATH|VIRTUAL_ENV|JAVA_HOME|PYTEST_\w+|COV(ERAGE)?_\w+|CI|HYPOTHESIS_PROFILE"
    r"|MAPPEDRAM_(LINUX|ANALYZE_MIGRATION)"
)
#: Variables that are the same in every run.
FIXED = {
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "COLUMNS": "80",
    "LINES": "24",
}
#: Caches and settings outside the checkout that tests may use, to avoid downloads: the variable for
#: each, and its place in the user's home. Maven's is not here: Java takes ~/.m2 from the account,
#: whatever HOME says.
DECLARED = {
    "PIP_CACHE_DIR": ".cache/pip",
    "PIP_CONFIG_FILE": ".config/pip/pip.conf",
    "UV_CACHE_DIR": ".cache/uv",
    "npm_config_cache": ".npm",
    "npm_config_userconfig": ".npmrc",
    "GOPATH": "go",
    "GOCACHE": ".cache/go-build",
    "GOENV": ".config/go/env",
    "RUSTUP_HOME": ".rustup",
    "MAPPEDRAM_LINUX": ".cache/mappedram/linux",
}
#: Signals that may be ignored when the suite starts, for example by a shell in the background.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD)


def environment(outer: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The variables of a run, from the outer ones and a folder for the run."""
    kept = {
        name: value
        for name, value in outer.items()
        if KEPT.fullmatch(name) or SETTINGS.fullmatch(name)
    }
    home = Path(outer.get("HOME") or "/nonexistent")
    places = {name: home / place for name, place in DECLARED.items()}
    # A file is used if it exists, a cache also if it can be created.
    usable = {
        name: str(place)
        for name, place in places.items()
        if place.exists() or (os.access(home, os.W_OK) and "CACHE" in name.upper())
    }
    own = {
        "HOME": scratch / "home",
        "TMPDIR": scratch / "tmp",
        "XDG_RUNTIME_DIR": scratch / "run",
        # Folder of the folders of the last runs of pytest.
        "PYTEST_DEBUG_TEMPROOT": outer.get("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()),
    }
    return usable | kept | FIXED | {name: str(value) for name, value in own.items()}


def settle() -> Path:
    """Set up the environment of this process and its children; return the folder."""
    scratch = Path(tempfile.mkdtemp(prefix="mr-"))  # short: names of sockets have 107 bytes
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    for name in ("home", "tmp", "run"):
        (scratch / name).mkdir(mode=0o700)
    variables = environment(os.environ, scratch)
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None
    locale.setlocale(locale.LC_ALL, FIXED["LC_ALL"])
    time.tzset()
    os.umask(0o022)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)
    return scratch
