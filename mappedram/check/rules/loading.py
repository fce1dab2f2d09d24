"""MR06: whether any release of QEMU, or the selected one, loads the file with the right memory.

`mappedram.check.judgement` decides when these rules apply.
"""

from collections.abc import Iterator, Mapping

from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.loading import LoadingCase
from mappedram.check.registry import loading_rule
from mappedram.check.releases import DESTINATION, by_outcome
from mappedram.qemu.loader import Verdict

_NOWHERE = Place(None, None, "")
_DOES = {
    "loads": "loads the file",
    "wrong-memory": "reports success and restores wrong memory",
    "refuses": "refuses the file",
    "crashes": "crashes on the file",
    "hangs": "hangs on the file",
}


@loading_rule(
    "MR061",
    "not-loaded",
    Severity.ERROR,
    defect="No selected release of QEMU loads the file with the right memory.",
    clause="9.8.2",
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def not_loaded(loading: LoadingCase) -> Iterator[Defect]:
    """At least one of the selected releases of QEMU loads the file with the right memory.

    Why:
        No other finding is an error, and yet no release can restore the guest. As the reason for a
        release's result, this code means that no rule covers the cause; QEMU's message describes
        it.

    Remedy:
        Run `mappedram explain` with QEMU's message to list the possible causes. Use `mappedram
        extract` to read the memory.
    """
    if loading.loads == "none" and not _explained(loading):
        said = list(_said(loading.qemu, set(_DOES)))
        who = "" if loading.asked.release else "no release loads the file with the right memory: "
        place = _stopped(loading, loading.qemu)
        yield Defect(who + "; ".join(said), place, "loads", _outcomes(loading))


@loading_rule(
    "MR062",
    "loaded-wrongly",
    Severity.WARNING,
    defect="A release of QEMU loads the file, but restores the wrong memory.",
    clause="9.8.3",
    qemu="migration/ram.c: ram_load_precopy()",
)
def loaded_wrongly(loading: LoadingCase) -> Iterator[Defect]:
    """Every release that loads the file restores the right memory.

    Why:
        The file is valid, but some releases report success, and the guest then runs with wrong
        memory.

    Remedy:
        Load the file only with the releases that `mappedram check` lists as loading it.
    """
    if loading.loads == "wrong" and loading.worst != "error":
        said = _said(loading.qemu, {"wrong-memory"})
        yield Defect("; ".join(said), _NOWHERE, "loads", _outcomes(loading))


@loading_rule(
    "MR063",
    "destination-machine",
    Severity.ERROR,
    defect="The destination has another machine, page size, capability or UUID.",
    clause="9.8.4",
    qemu="migration/savevm.c: configuration_post_load()",
)
def destination_machine(loading: LoadingCase) -> Iterator[Defect]:
    """The destination has the machine type, page size, capabilities and UUID of the file.

    Why:
        QEMU compares them first, and refuses a file of another machine.

    Remedy:
        Start the destination as `mappedram restore-hint` prints it, or choose another snapshot for
        `--destination`.
    """
    yield from _refused("MR063", loading)


@loading_rule(
    "MR064",
    "destination-block",
    Severity.ERROR,
    defect="The destination lacks a RAM block of the file, or it is too small.",
    clause="9.8.5",
    qemu="migration/ram.c: parse_ramblock()",
)
def destination_block(loading: LoadingCase) -> Iterator[Defect]:
    """The destination has each RAM block of the file, and its size is sufficient.

    Why:
        QEMU finds a block by name, and refuses pages beyond its end. Other memory options, other
        devices with memory, and ROM files of another size lead to other blocks.

    Remedy:
        Give the destination the memory and the devices that `mappedram restore-hint` lists, and the
        same ROM files.
    """
    yield from _refused("MR064", loading)


@loading_rule(
    "MR065",
    "destination-device",
    Severity.ERROR,
    defect="The destination lacks a device of the file, or has an older version.",
    clause="9.8.6",
    qemu="migration/savevm.c: qemu_loadvm_section_start_full()",
)
def destination_device(loading: LoadingCase) -> Iterator[Defect]:
    """The destination has each device of the file, in the same or a newer version.

    Why:
        QEMU finds a device by name and instance, and refuses the state of a device that it does not
        have, or of a newer version.

    Remedy:
        Give the destination the devices that `mappedram restore-hint` lists, on the same machine
        type.
    """
    yield from _refused("MR065", loading)


def _refused(code: str, loading: LoadingCase) -> Iterator[Defect]:
    """The defect that the given destination refuses the file for this reason."""
    refusing = {name: v for name, v in loading.qemu.items() if code in v.because}
    if loading.asked.destination and refusing:
        yield Defect("; ".join(_said(refusing, set(_DOES))), _stopped(loading, refusing))


def _stopped(loading: "LoadingCase", qemu: Mapping[str, Verdict]) -> Place:
    """Place where the newest of these releases stops, if known."""
    offsets = [verdict.offset for verdict in qemu.values() if verdict.offset is not None]
    return loading.place_at(offsets[-1]) if offsets else _NOWHERE


def _explained(loading: LoadingCase) -> bool:
    """Whether another finding gives the reason: an error, or MR004."""
    if loading.worst in ("error", "not followed"):
        return True
    codes = {code for verdict in loading.qemu.values() for code in verdict.because}
    return loading.asked.destination and not DESTINATION.isdisjoint(codes)


def _outcomes(loading: LoadingCase) -> str:
    return ", ".join(sorted({verdict.outcome for verdict in loading.qemu.values()}))


def _said(qemu: Mapping[str, Verdict], outcomes: set[str]) -> Iterator[str]:
    """Results of the releases with some outcomes, grouped by result."""
    for group in by_outcome(qemu):
        if group.verdict.outcome in outcomes:
            words = f": {group.quotation}" if group.quotation else ""
            yield f"QEMU {group.span} {_DOES[group.verdict.outcome]}{words}"
