"""Results of targets are distinguished: signals, timeouts, reports, exceptions."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from mappedram.errors import FormatError
from mappedram.fuzz.cases import Case, sound
from mappedram.fuzz.targets import CommandTarget, Limit, Observation, OwnTarget
from mappedram.fuzz.targets.own import judged
from mappedram.fuzz.targets.signs import sign_of, signal_of

CASE = sound(random.Random(1))


def observe(
    folder: Path, program: str, seconds: float = 20, memory: int | None = None
) -> Observation:
    """Result of a Python program for a file."""
    argv = (sys.executable, "-I", "-S", "-c", program, "{}")
    with CommandTarget(argv, Limit(seconds, memory)).worker(folder) as worker:
        return worker.observe(CASE)


@pytest.mark.parametrize(
    ("program", "kind", "sign"),
    [
        ("pass", "accepts", ""),
        ("raise SystemExit(3)", "refuses", ""),
        ("raise SystemExit('no such file')", "refuses", ""),
        ("import os; os.kill(os.getpid(), 11)", "crashes", "SIGSEGV"),
        ("raise SystemExit(128 + 6)", "crashes", "SIGABRT"),
        ("raise SystemExit(130)", "refuses", ""),
        ("1 / 0", "reports", "Python: ZeroDivisionError"),
        ("class E(Exception): pass\nraise E('x')", "reports", "Python: E"),
    ],
)
def test_kinds(tmp_path: Path, program: str, kind: str, sign: str) -> None:
    found = observe(tmp_path, program)
    assert (found.kind, found.sign) == (kind, sign)
    assert found.failed == (kind not in ("accepts", "refuses"))


def test_the_file_is_the_one_to_try(tmp_path: Path) -> None:
    program = "import sys; sys.stderr.write(open(sys.argv[1], 'rb').read()[:4].decode())"
    assert observe(tmp_path, program).message == bytes(CASE.file)[:4].decode()


def test_late_ones_are_ended_with_their_children(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '86397'])\n"
        "sys.stderr.write(str(child.pid)); sys.stderr.flush()\n"
        "time.sleep(86397)"
    )
    seconds = 1.0
    while not (found := observe(tmp_path, program, seconds)).message:
        seconds *= 2  # too few for this machine to start the child
    assert found.kind == "hangs"
    child = Path("/proc") / found.message / "cmdline"
    deadline = time.monotonic() + 300
    while child.exists() and b"sleep" in child.read_bytes():
        assert time.monotonic() < deadline, "the child is still there"
        time.sleep(0.05)


def test_a_closed_standard_error_is_no_end(tmp_path: Path) -> None:
    program = "import os, time; os.close(2); time.sleep(86397)"
    assert observe(tmp_path, program, seconds=1).kind == "hangs"


def test_memory_is_limited(tmp_path: Path) -> None:
    program = "x = bytearray(3 << 30)"
    found = observe(tmp_path, program, memory=1 << 30)
    assert (found.kind, found.sign) == ("reports", "Python: MemoryError")


def test_much_output_is_cut(tmp_path: Path) -> None:
    program = "import sys; sys.stderr.write('first' + 'x' * (1 << 24) + 'last'); sys.exit(1)"
    found = observe(tmp_path, program)
    assert len(found.message) < 1 << 15
    assert found.message.startswith("first")
    assert found.message.endswith("last")


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        (
            "==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x4",
            "AddressSanitizer: heap-buffer-overflow",
        ),
        ("==7==WARNING: MemorySanitizer: use-of-uninitialized-value", "MemorySanitizer: use-of"),
        ("WARNING: ThreadSanitizer: data race (pid=3)", "ThreadSanitizer: data race"),
        (
            "ram.c:12:5: runtime error: shift exponent 64 is too large",
            "UndefinedBehaviorSanitizer",
        ),
        ("thread 'main' panicked at src/main.rs:2:5:\nboom", "Rust panic"),
        ("thread 'main' (1234) panicked at src/main.rs:2:5:\nboom", "Rust panic"),
        ("panic: runtime error: index out of range [3]\n\ngoroutine 1", "Go panic"),
        ("*** stack smashing detected ***: terminated", "glibc: *** stack smashing detected ***"),
        ("malloc(): corrupted top size\nAborted", "glibc: malloc(): corrupted top size"),
        (
            'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
            "Java: java.lang.OutOfMemoryError",
        ),
        ("terminate called after throwing an instance of 'kaitai::eof'", "kaitai::eof"),
        ("==2==ERROR: LeakSanitizer: detected memory leaks", "LeakSanitizer: detected"),
        ("error: page_size: runtime of the guest", ""),
        ("", ""),
    ],
)
def test_signs(text: str, sign: str) -> None:
    assert sign in sign_of(f"reading\n{text}\n")
    assert bool(sign_of(text)) == bool(sign)


def test_signals_by_exit_status() -> None:
    assert [signal_of(code) for code in (0, 1, 2, 255)] == [""] * 4
    assert [signal_of(code) for code in (-8, -9, 139, 130)] == ["SIGFPE", "SIGKILL", "SIGSEGV", ""]


# Our own readers.


def test_own_readers_take_sound_and_other_files(tmp_path: Path) -> None:
    empty = Case("empty", CASE.clean.resize(0))
    with OwnTarget(Limit(60, 2 << 30)).worker(tmp_path) as worker:
        assert worker.observe(CASE).kind == "accepts"
        assert worker.observe(empty).kind == "refuses"
        assert worker.observe(CASE).kind == "accepts"


def test_a_process_that_ends_is_a_crash_and_another_takes_its_place(tmp_path: Path) -> None:
    with OwnTarget(Limit(60, 2 << 30)).worker(tmp_path) as worker:
        worker.process.kill()  # type: ignore[attr-defined]
        assert worker.observe(CASE).kind == "crashes"
        assert worker.observe(CASE).kind == "accepts"


def test_a_signal_that_is_meant_for_the_run_is_no_crash(tmp_path: Path) -> None:
    """A terminal sends it to all its processes at once."""
    with OwnTarget(Limit(60, 2 << 30)).worker(tmp_path) as worker:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker.process.pid, number)  # type: ignore[attr-defined]
            assert worker.observe(CASE).kind == "accepts"


def test_what_comes_of_reading() -> None:
    def fails(error: Exception) -> Observation:
        def reading() -> list[str]:
            raise error

        return judged(reading)

    assert fails(FormatError("no")).kind == "refuses"
    assert (fails(IndexError("no")).kind, fails(IndexError("no")).sign) == ("raises", "IndexError")
    assert "IndexError" in fails(IndexError("no")).message
    assert judged(lambda: ["MR002", "MR005"]).kind == "disagrees"
    assert judged(lambda: ["MR002"]).kind == "accepts"
