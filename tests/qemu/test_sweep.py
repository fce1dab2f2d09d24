"""A part of `python -m tools.sweep`: files that QEMU writes and loads again are not corrupt."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.qemu.test_fresh import binary
from tools.qemu import Machine
from tools.sweep.cases import MAPPED_RAM, Case, cases
from tools.sweep.guests import TABLE
from tools.sweep.trial import Row, is_false_alarm, is_misread, run

GUESTS = {guest.name: guest for guest in TABLE}


def all_of(name: str) -> list[Case]:
    """All cases of a machine."""
    arch = GUESTS[name].arch
    with Machine(binary(arch), ["-M", "none"]) as machine:
        listed = machine.qmp("query-migrate-capabilities")
    return list(cases(GUESTS[name], [entry["capability"] for entry in listed]))


def rows(wanted: Iterable[Case], folder: Path) -> list[Row]:
    """Results of the cases; `check` may call none corrupt unless QEMU does."""
    found = [run(case, binary(case.guest.arch), folder) for case in wanted]
    assert [row for row in found if is_false_alarm(row) or is_misread(row)] == []
    return found


def right(found: Iterable[Row]) -> set[str]:
    """Names of the cases that restored the right memory."""
    return {row["name"] for row in found if row.get("memory") == "right"}


@pytest.mark.qemu
@pytest.mark.parametrize("mapped", [False, True], ids=["plain", MAPPED_RAM])
@pytest.mark.parametrize("name", ["none", "pc"])
def test_every_capability(tmp_path: Path, name: str, mapped: bool) -> None:
    wanted = [
        case
        for case in all_of(name)
        if len(set(case.capabilities) - {MAPPED_RAM}) < 2
        and (MAPPED_RAM in case.capabilities) == mapped
        and not (case.parameters or case.setting or case.offset)
    ]
    prefix = f"{name}/{MAPPED_RAM}+" if mapped else f"{name}/"
    expected = {"auto-converge", "dirty-bitmaps", "return-path", "validate-uuid"}
    expected |= {"multifd"} if mapped else {"background-snapshot", "xbzrle"}
    assert {prefix + name for name in expected} <= right(rows(wanted, tmp_path))


@pytest.mark.qemu
def test_every_setting(tmp_path: Path) -> None:
    found = rows((case for case in all_of("none") if case.setting), tmp_path)
    assert "none/no-configuration/plain/devices" in right(found)
    assert "none/no-footers/background-snapshot" in right(found)
    assert len(right(found)) > len(found) / 2


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["avr", "arm-1k", "pc-bitmap", "none-shared"])
def test_other_machines(tmp_path: Path, name: str) -> None:
    usual = ((), (MAPPED_RAM,), ("dirty-bitmaps",), (MAPPED_RAM, "dirty-bitmaps"))
    # While it saves a bitmap, QEMU iterates idly as long as it has bandwidth left.
    slowly = {"max-bandwidth": 4_500_000} if GUESTS[name].bitmap else {}
    found = rows((Case(GUESTS[name], names, slowly) for names in usual), tmp_path)
    assert len(right(found)) == len(usual)


@pytest.mark.qemu
def test_memory_that_is_lost_is_told_from_memory_that_is_right(tmp_path: Path) -> None:
    """With mapped-ram, a background save loses all pages: that is not a false alarm."""
    case = Case(GUESTS["none"], (MAPPED_RAM, "background-snapshot"))
    row = run(case, binary("x86_64"), tmp_path)
    assert (row["loaded"], row["memory"], row["verdict"]) == ("completed", "wrong: ram", "corrupt")
