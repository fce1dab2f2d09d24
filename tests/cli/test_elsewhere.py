"""A file whose stream begins elsewhere: every verb that reads a stream names the option to use."""

from pathlib import Path

import click
import pytest

from mappedram.cli.main import cli
from tests.cli.conftest import Run
from tests.conftest import Fixtures

#: Verbs that open a stream, with what they need beside the file.
VERBS = {
    "convert": ("-O", "raw", "{}", "{out}"),
    "dump": ("--gpa", "0", "{}"),
    "extract": ("{}", "-d", "{out}"),
    "info": ("{}",),
    "layout": ("{}",),
    "map": ("{}",),
    "metadump": ("{}", "{out}"),
    "repair": ("{}", "{out}"),
    "restore-hint": ("{}",),
    "search": ("QEVM", "{}"),
    "state": ("{}",),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_offset_is_proposed(verb: str, fixtures: Fixtures, tmp_path: Path, run: Run) -> None:
    moved = fixtures["offset-unaligned"]
    words = [word.format(moved.path, out=tmp_path / "out") for word in VERBS[verb]]
    outcome = run(verb, *words)
    assert outcome.status == 63
    assert f"a stream begins at {moved.offset:#x}: use --offset {moved.offset:#x}" in outcome.err
    assert run(verb, "--offset", hex(moved.offset), *words).status == 0


@pytest.mark.parametrize(("a", "b"), [("pc", "offset-unaligned"), ("offset-unaligned", "pc")])
def test_of_two_files_the_right_option_is_named(
    a: str, b: str, fixtures: Fixtures, run: Run
) -> None:
    outcome = run("diff", fixtures[a].path, fixtures[b].path)
    assert outcome.status == 2
    option = "--offset-b" if a == "pc" else "--offset-a"
    assert f"use {option} 0x1239" in outcome.err


def test_another_magic_is_no_stream(tmp_path: Path, run: Run) -> None:
    """Memory of a guest may hold the magic without a stream."""
    path = tmp_path / "file"
    path.write_bytes(bytes(100) + b"QEVM\0\0\0\3" + bytes(100))
    outcome = run("info", path)
    assert (outcome.status, "a stream begins" in outcome.err) == (63, False)


def test_every_verb_with_an_offset_is_tried() -> None:
    """That of `build` is the offset in its output; `check` has a remedy instead."""
    having = {
        name
        for name in cli.list_commands(click.Context(cli))
        for param in _params(name)
        if "--offset" in param.opts
    }
    assert having - {"build", "check"} <= VERBS.keys()


def _params(verb: str) -> list[click.Parameter]:
    command = cli.get_command(click.Context(cli), verb)
    assert command
    return command.params
