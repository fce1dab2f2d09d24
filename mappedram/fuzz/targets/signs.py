"""Signs of a bug in the output of a program, whatever its exit status."""

import re
import signal

#: Messages of runtimes, with their names; a group in the pattern is appended.
_SIGNS = tuple(
    (name, re.compile(pattern, re.MULTILINE))
    for name, pattern in (
        ("", r"ERROR: ((?:Address|Memory|HWAddress|Leak)Sanitizer: [\w-]+)"),
        ("", r"WARNING: (ThreadSanitizer: [\w ]+)"),
        ("", r"WARNING: (MemorySanitizer: [\w-]+)"),
        ("UndefinedBehaviorSanitizer", r"^\S+:\d+:\d+: runtime error: "),
        ("libFuzzer", r"ERROR: libFuzzer: ([\w-]+)"),
        ("Valgrind", r"^==\d+== (Invalid \w+|Conditional jump)"),
        ("Rust panic", r"^thread '.*' (?:\(\d+\) )?panicked at"),
        ("Go panic", r"^panic: "),
        ("Go", r"^fatal error: ([\w ]+)"),
        ("Python", r"^Traceback \(most recent call last\):[\s\S]*^(\w[\w.]*)(?::|$)"),
        ("Java", r"^Exception in thread .* ([\w.]+(?:Error|Exception))"),
        ("glibc", r"^(\*\*\* [\w ]+ \*\*\*|(?:malloc|free|realloc)\(\): [\w ]+)"),
        ("Kaitai", r"terminate called after throwing an instance of '([\w:]+)'"),
    )
)

#: Signals that a program gets for its own bugs.
_OF_BUGS = {"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS"}

#: Signals from outside, which a terminal sends to all its processes.
FROM_OUTSIDE = frozenset({"SIGINT", "SIGTERM", "SIGHUP"})


def sign_of(output: str) -> str:
    """The report of a runtime, such as `AddressSanitizer: heap-buffer-overflow`; or empty."""
    for name, pattern in _SIGNS:
        found = pattern.search(output)
        if found:
            return ": ".join(filter(None, (name, *found.groups())))
    return ""


def signal_of(returncode: int) -> str:
    """Name of the signal that ended a process, or its child if a shell reports that; or empty."""
    number = -returncode if returncode < 0 else returncode - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return name if returncode < 0 or name in _OF_BUGS else ""
