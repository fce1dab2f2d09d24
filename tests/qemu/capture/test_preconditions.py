"""Refused capabilities, and the release from which on they are accepted."""

from dataclasses import replace

import pytest

from mappedram.qemu.capture.guest import RunningGuest
from mappedram.qemu.capture.preconditions import BAD_CAPABILITIES, refusals

GUEST = RunningGuest(
    version=(10, 0, 2),
    status="running",
    running=True,
    memory=1 << 24,
    capabilities={"mapped-ram": False, "multifd": False, "x-ignore-shared": False},
    parameters={"mode": "normal", "direct-io": False},
    migration="",
    blocked=(),
)


def told(guest: RunningGuest, *, direct_io: bool = False) -> list[str]:
    return list(refusals(guest, direct_io=direct_io))


def test_nothing_to_refuse() -> None:
    assert told(GUEST) == []
    assert told(GUEST, direct_io=True) == []
    assert told(replace(GUEST, migration="completed")) == []


@pytest.mark.parametrize("name", [bad.name for bad in BAD_CAPABILITIES])
def test_bad_capability(name: str) -> None:
    (text,) = told(replace(GUEST, capabilities={"mapped-ram": False, name: True}))
    assert f"{name!r} is on" in text


def test_x_ignore_shared_is_fine_from_11_on() -> None:
    guest = replace(GUEST, capabilities={"mapped-ram": True, "x-ignore-shared": True})
    assert "E-003" in told(guest)[0]
    assert told(replace(guest, version=(10, 2, 2))) != []
    assert told(replace(guest, version=(11, 0, 0))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"capabilities": {}}, "does not know mapped-ram"),
        ({"migration": "active"}, "a migration is going on"),
        ({"migration": "completed", "status": "postmigrate"}, "only after it has run"),
        ({"status": "inmigrate"}, "waits for an incoming migration"),
        ({"parameters": {"mode": "cpr-reboot"}}, "'cpr-reboot'"),
        ({"blocked": ("a device",)}, "cannot migrate this guest: a device"),
    ],
)
def test_other_reasons(change: dict[str, object], said: str) -> None:
    (text,) = told(replace(GUEST, **change))  # type: ignore[arg-type]
    assert said in text


def test_direct_io_that_is_not_there() -> None:
    (text,) = told(replace(GUEST, parameters={}), direct_io=True)
    assert "9.1" in text
