"""The releases of QEMU, and the differences of their loaders: since when, and until when."""

from dataclasses import dataclass
from typing import Literal

from mappedram.errors import UnknownNameError

#: How the behaviour of a release is known: measured with it, or read in its source.
Basis = Literal["measured", "read"]
#: Major, minor and patch level.
Number = tuple[int, ...]

_PARTS = 3


def number(name: str) -> Number:
    """The number of a release, for comparison; for `11.1`, its first patch level."""
    parts = tuple(map(int, name.split(".")))
    return parts + (0,) * (_PARTS - len(parts))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Something that some releases do and others do not.

    Attributes:
        since: the first release that does it; None if the oldest one here does.
        until: the first release that no longer does it; None if the newest does.
        basis: how this is known.
    """

    since: str | None = None
    until: str | None = None
    basis: Basis = "measured"


ALWAYS = Behaviour()


@dataclass(frozen=True, slots=True)
class Release:
    """One release, such as `10.0`, which means its first patch level."""

    name: str

    def does(self, behaviour: Behaviour) -> bool:
        """Whether the release does it."""
        mine, since, until = number(self.name), behaviour.since, behaviour.until
        begun = since is None or mine >= number(since)
        return begun and (until is None or mine < number(until))


class Loader:
    """A release that remembers which behaviours were asked for during a load.

    Releases treat few files differently: those with the same answers have the same result.
    """

    def __init__(self, release: Release) -> None:
        self._release = release
        self._asked: set[Behaviour] = set()

    def does(self, behaviour: Behaviour) -> bool:
        """Whether the release does it; the answer is remembered."""
        self._asked.add(behaviour)
        return self._release.does(behaviour)

    def is_like(self, release: Release) -> bool:
        """Whether another release would have given the same answers."""
        return all(release.does(one) == self._release.does(one) for one in self._asked)

    @property
    def basis(self) -> Basis:
        """How the answers are known."""
        return "measured" if all(one.basis == "measured" for one in self._asked) else "read"


#: `page_size` must be that of the destination. Source: migration/ram.c, mapped_ram_read_header(),
#: parse_ramblock_mapped_ram().
CHECKS_PAGE_SIZE = Behaviour(since="11.1")
#: QEMU reads the field `addr` with x-ignore-shared. Source: commit b043f6df27, parse_ramblock().
READS_ADDR = Behaviour(since="11.0")
#: With x-ignore-shared, QEMU skips a block with two zero offsets. Source: commit 0b510b51b6,
#: parse_ramblock_mapped_ram().
SKIPS_EMPTY_BLOCKS = Behaviour(since="11.0")
#: QEMU knows the record COMPRESS_PAGE. Source: ram_load_precopy().
COMPRESS = Behaviour(until="9.1")
#: QEMU knows the live section `block`, which carries disks. Source: migration/block.c.
BLOCK_MIGRATION = Behaviour(until="9.1", basis="read")
#: Without mapped-ram, records carry the pages; measured with 10.0.2 and 11.1.3, and the same source
#: in all others. Source: migration/ram.c, ram_load_precopy().
READS_RECORDS = Behaviour(basis="read")
#: QEMU accepts ENABLE_COLO if `x-colo` is on; measured with 10.0.2 only. Later, its number is
#: MIG_CMD_DEPRECATED_0. Source: migration/migration.c, migration_incoming_enable_colo().
TAKES_COLO = Behaviour(until="11.0", basis="read")
#: A multifd channel that meets the end of the file has an error to pass on; in other releases, QEMU
#: crashes when it adds words to the missing error. Source: migration/file.c,
#: multifd_file_recv_data().
MULTIFD_NOTES_ENDS = Behaviour(since="11.1")
#: Target pages of AVR are 1 KiB instead of 256 bytes. Source: target/avr/cpu-param.h.
AVR_PAGES_OF_1K = Behaviour(since="10.1", basis="read")
#: QEMU finds the clock of a PC by its port. Source: hw/rtc/mc146818rtc.c; that it no longer does
#: was measured with 11.1.3.
RTC_HAS_PORT = Behaviour(until="10.1", basis="read")
#: Lengths in the configuration section are `int` when QEMU allocates memory for them, so that one
#: of 2 GiB or more crashes it. Source: migration/vmstate.c, vmstate_size(); 11.1.1 and 11.1.2 were
#: not tried.
SIGNED_LENGTHS = Behaviour(until="11.1.3")

#: Releases whose loader was run (docs/verdicts.md). 11.1.0 and 11.1.3 differ.
RELEASES: dict[str, Release] = {
    name: Release(name)
    for name in ("9.0", "9.1", "9.2", "10.0", "10.1", "10.2", "11.0", "11.1.0", "11.1.3")
}


def newest(name: str) -> Release:
    """The release of that name; without a patch level, the newest one known.

    Raises:
        UnknownNameError: it is unknown.
    """
    of_it = [one for one in RELEASES if one == name or one.startswith(f"{name}.")]
    if not of_it:
        raise UnknownNameError("release of QEMU", name, RELEASES)
    return RELEASES[of_it[-1]]


#: All names that `newest` accepts.
NAMES = tuple(
    dict.fromkeys((*RELEASES, *(one.rpartition(".")[0] for one in RELEASES if one.count(".") > 1)))
)
