"""The table of machine types: parsing C, QEMU's lists, and their differences."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mappedram.qemu.loader import machines
from mappedram.qemu.loader._machines import RELEASES
from mappedram.qemu.loader.machines import Row
from tools.machines import source, table
from tools.machines.__main__ import main
from tools.machines.compared import Difference, differences
from tools.machines.declared import machines as declared
from tools.machines.listed import Listed

INFO = 'static const TypeInfo a_info = { .name = "a" "-" "4" "." "2" "-machine", .parent = "x", };'
REGISTERS = "type_register_static(&a_info);"
DELETES = "do { if (((%s - 4) > 6 || ((%s - 4) == 6 && (1 - 2) >= 0))) { return; } } while (0);"


def registering(body: str) -> str:
    return f"{INFO} static void a_register(void) {{ {body} }}"


@pytest.mark.parametrize(("major", "found"), [(9, {"a-4.2"}), (10, {"a-4.2"}), (11, set())])
def test_version_that_is_left_out(major: int, found: set[str]) -> None:
    assert declared(registering(DELETES.replace("%s", str(major)) + REGISTERS)) == found


def test_deletion_that_only_the_environment_asks_for() -> None:
    asked = 'if (10 > 6) { if (getenv("QEMU_DELETE_MACHINES") || 10 > 10) { return; } }'
    assert declared(registering(asked + REGISTERS)) == {"a-4.2"}
    assert declared(registering(asked.replace("10 > 10", "10 >= 10") + REGISTERS)) == set()


def test_array_without_what_is_not_listed() -> None:
    text = """
    static const TypeInfo types[] = {
        { .name = "one-machine", .interfaces = (InterfaceInfo[]) { { "i" }, { } }, },
        { .name = ("two-machine"), .parent = "base-machine", .class_init = f, },
        { .name = "base-machine", .abstract = true, },
        { .name = "target-machine", .parent = "interface", },
        { .name = "no-machine-at-all", },
    };
    static void do_qemu_init_types(void) { type_register_static_array(types, 5); }
    """
    assert declared(text) == {"one", "two"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (INFO, "a-4.2 is declared and not registered"),
        (registering(f"if (kvm_enabled()) {{ return; }} {REGISTERS}"), "only if 'kvm_enabled"),
        ('DEFINE_MACHINE("a", a_init)', "the preprocessor has left"),
        ('.name = MACHINE_TYPE_NAME("a"),', "the preprocessor has left"),
    ],
)
def test_nothing_is_passed_over(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        declared(text)


# The source of a release.

BOARDS = """\
#define MACHINE_TYPE_NAME(name) (name "-machine")
#define DEFINE_MACHINE(str, init) \\
    static const TypeInfo init##_info = { .name = MACHINE_TYPE_NAME(str), }; \\
    static void init##_register(void) \\
    { if (QEMU_VERSION_MAJOR > 9) { return; } type_register_static(&init##_info); }
"""
BOARD = """\
#include "qemu/generated.h"
#include <glib.h>
#error never
#ifdef TARGET_BIG
DEFINE_MACHINE("big", big_init)
#else
DEFINE_MACHINE("little", little_init)
#endif
"""


@pytest.mark.skipif(not shutil.which("cc") or not shutil.which("git"), reason="no cc, or no git")
def test_releases_of_a_history(tmp_path: Path) -> None:
    """Its commits with a version that ends in 0; both sides of a condition; headers of others."""

    def git(*words: str) -> None:
        author = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", tmp_path, *author, *words], check=True, capture_output=True)

    git("init")
    for path, text in {"include/hw/boards.h": BOARDS, "hw/toy/board.c": BOARD}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    for version in ("8.2.0", "9.0.0", "9.0.90", "10.0.0"):
        (tmp_path / "VERSION").write_text(f"{version}\n")
        git("add", ".")
        git("commit", "-m", version)
    repository = tmp_path / ".git"
    commits = source.releases(repository, "HEAD", "9.0")
    assert list(commits) == ["9.0", "10.0"]
    assert source.declared(repository, commits["9.0"]) == {("big", "toy"), ("little", "toy")}
    assert source.declared(repository, commits["10.0"]) == set()


# The table.


def test_table_can_be_read_again() -> None:
    found = {
        "9.0": {("a", "arm"), ("b", "arm"), ("b", "ppc")},
        "9.1": {("a", "arm"), ("b", "ppc")},
        "10.0": {("c", "arm"), ("b", "ppc")},
    }
    text = table.text(found)
    assert text.splitlines() == [
        "9.0  9.0  arm        b",
        "9.0  9.1  arm        a",
        "10.0 10.0 arm        c",
        "9.0  10.0 ppc        b",
    ]
    assert set(machines.rows(text)) == {
        Row("b", "arm", "9.0", "9.0"),
        Row("a", "arm", "9.0", "9.1"),
        Row("c", "arm", "10.0", "10.0"),
        Row("b", "ppc", "9.0", "10.0"),
    }


def test_table_goes_on_in_further_rows() -> None:
    names = {(f"machine-{number}", "arm") for number in range(40)}
    lines = table.text({"9.0": names}).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 100 and line.startswith("9.0  9.0  arm") for line in lines)
    assert {row.machine for row in machines.rows("\n".join(lines))} == {name for name, _ in names}


def test_machine_type_that_comes_back_is_refused() -> None:
    with pytest.raises(ValueError, match="machine type a of hw/arm"):
        table.text({"9.0": {("a", "arm")}, "9.1": set(), "9.2": {("a", "arm")}})


def test_committed_table_is_what_the_tool_writes() -> None:
    found: dict[str, set[tuple[str, str]]] = {release: set() for release in RELEASES}
    for row in machines.rows():
        for release in RELEASES[RELEASES.index(row.first) : RELEASES.index(row.last) + 1]:
            found[release].add((row.machine, row.folder))
    assert table.text(found) in Path(machines.__file__).with_name("_machines.py").read_text()


# Comparison with emulators.


def emulator(folder: Path, target: str, version: str, *lines: str) -> Path:
    path = folder / f"qemu-system-{target}"
    listed = "\n".join(("Supported machines are:", *lines))
    path.write_text(
        f"#!/bin/sh\ncase $1 in --version) echo 'QEMU emulator version {version}';;\n"
        f"*) echo '{listed}';; esac\n"
    )
    path.chmod(0o755)
    return path


def test_aliases_are_no_machine_types(tmp_path: Path) -> None:
    lines = ("a-9.0   A", "a       A (alias of a-9.0)", "b       B (default)")
    path = emulator(tmp_path, "ppc64", "9.0.3 (Debian)", *lines)
    assert Listed.of(path) == Listed(path, "ppc64", "9.0", frozenset({"a-9.0", "b"}))


ROWS = [
    Row("none", "core", "9.0", "9.1"),
    Row("a", "ppc", "9.0", "9.0"),
    Row("b", "ppc", "9.1", "9.1"),
    Row("c", "ppc", "9.0", "9.1"),
    Row("xenpv", "xenpv", "9.0", "9.1"),
    Row("d", "mips", "9.0", "9.1"),
]


def test_differences() -> None:
    path = Path("qemu-system-ppc64")
    xen = Listed(Path("qemu-system-i386"), "i386", "9.1", frozenset({"none"}))
    ppc = Listed(path, "ppc64", "9.1", frozenset({"a", "b", "none"}))
    assert list(differences(ROWS, [ppc, xen])) == [
        Difference("9.1", "a", "qemu-system-ppc64", None),
        Difference("9.1", "c", "hw/ppc", None),
        Difference("9.1", "xenpv", "hw/xenpv", "only builds with Xen have it"),
        Difference(
            "9.1",
            "d",
            "hw/mips",
            "no emulator of mips or mips64 or mips64el or mipsel is at hand",
        ),
    ]


def test_command_fails_at_what_nothing_explains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([]) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "further").mkdir()
    path = emulator(tmp_path / "further", "avr", "10.0.2", "arduino-uno  x", "pdp11  x")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("tools.machines.__main__.at_hand", list)
    assert main([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"10.0: only {path} has pdp11: NOT EXPLAINED" in lines
    missing = "arduino-duemilanove, arduino-mega, arduino-mega-2560-v3"
    assert f"10.0: only hw/avr has {missing}: NOT EXPLAINED" in lines
