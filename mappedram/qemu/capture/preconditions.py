"""Conditions for a good snapshot; QEMU itself does not check many of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from mappedram.qemu.capture.guest import RunningGuest

_AT_WORK = ("setup", "active", "device", "wait-unplug", "cancelling", "pre-switchover", "colo")


@dataclass(frozen=True, slots=True)
class BadCapability:
    """A capability that ruins the file, or the save.

    Attributes:
        name: its name.
        why: what would happen.
        until: the first release without the defect; None if there is none.
    """

    name: str
    why: str
    until: tuple[int, int, int] | None = None


#: Source: spec/errata.md, by number. QEMU itself also refuses those without a number
#: (migration/options.c).
BAD_CAPABILITIES = (
    BadCapability(
        "background-snapshot",
        "QEMU would call the save completed and never write the bitmaps: the file restores empty"
        " memory (E-001)",
    ),
    BadCapability(
        "x-ignore-shared",
        "before 11.0 a block in shared memory makes the save fail, and a file without one cannot be"
        " read back (E-003, E-028)",
        until=(11, 0, 0),
    ),
    BadCapability("return-path", "QEMU would start and then fail, and leave a file behind (E-005)"),
    BadCapability(
        "switchover-ack", "QEMU would start and then fail, and leave a file behind (E-005)"
    ),
    BadCapability("x-colo", "the stream would hold a command that belongs to COLO (E-006)"),
    BadCapability("postcopy-ram", "it does not go with mapped-ram"),
    BadCapability("xbzrle", "it does not go with mapped-ram"),
    BadCapability("compress", "it does not go with mapped-ram"),
)


def refusals(guest: RunningGuest, *, direct_io: bool) -> Iterator[str]:
    """Reasons against taking a snapshot; empty if there are none."""
    release = ".".join(map(str, guest.version))
    if "mapped-ram" not in guest.capabilities:
        yield f"QEMU {release} does not know mapped-ram, which came with 9.0"
    if guest.migration in _AT_WORK:
        yield f"a migration is going on (status {guest.migration!r})"
    if guest.status == "inmigrate":
        yield "the guest is not there yet: QEMU waits for an incoming migration"
    if guest.status == "postmigrate":
        yield (
            "the guest stands still where an earlier save left it, and QEMU saves it again only"
            " after it has run (`cont`)"
        )
    for bad in BAD_CAPABILITIES:
        affected = bad.until is None or guest.version < bad.until
        if guest.capabilities.get(bad.name) and affected:
            yield f"the migration capability {bad.name!r} is on: {bad.why}; turn it off first"
    mode = guest.parameters.get("mode", "normal")
    if mode != "normal":
        yield f"the migration mode is {mode!r}, in which memory may stay out of the file (E-004)"
    if direct_io and "direct-io" not in guest.parameters:
        yield f"QEMU {release} does not know the parameter direct-io, which came with 9.1"
    for reason in guest.blocked:
        yield f"QEMU cannot migrate this guest: {reason}"
