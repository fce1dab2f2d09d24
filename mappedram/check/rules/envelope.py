"""MR0: whether the stream can be followed, and to its end."""

from collections.abc import Iterator

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.check.report import NOT_FOLLOWED
from mappedram.errors import FormatError, TruncatedError, UnsupportedError
from mappedram.format.constants import RAM_SAVE_FLAG_MASK, SectionType
from mappedram.stream.page_records import first_compressed


@rule(
    "MR001",
    "malformed",
    Severity.ERROR,
    clause="4.1.3",
    errata=("E-019", "E-023", "E-025", "E-031"),
    qemu="migration/savevm.c: qemu_loadvm_state_main()",
)
def malformed(context: Context) -> Iterator[Defect]:
    """Every structure of the stream holds values with which the next one can be found.

    Why:
        QEMU stops with an error at this byte or soon after, or takes what follows for something
        that it is not.

    Remedy:
        Run `mappedram repair`: it mends what the rest of the file proves, and says what it cannot
        mend. `mappedram layout --hex` shows the bytes up to this place. If the stream begins later
        in the file, give `--offset`.
    """
    yield from _stopped(context, "MR001")


@rule(
    "MR002",
    "truncated",
    Severity.ERROR,
    clause="9.1.3",
    errata=("E-002", "E-057"),
    qemu="migration/qemu-file.c: qemu_fill_buffer()",
)
def truncated(context: Context) -> Iterator[Defect]:
    """The file does not end before the stream and all page areas do.

    Why:
        The save was broken off, or the copy was. What is missing is lost, and QEMU fails where the
        file ends. With the capability `multifd`, QEMU crashes or hangs instead, if the file ends
        among its pages.

    Remedy:
        Copy the file again, if it is a copy. Otherwise save again: the devices that are missing
        cannot be made up. `mappedram repair` makes the memory that is there readable for `mappedram
        extract`.
    """
    yield from _stopped(context, "MR002")


@rule(
    "MR003",
    "ram-end-missing",
    Severity.WARNING,
    clause="7.4.8",
    errata=("E-001", "E-002", "E-051"),
    qemu="migration/ram.c: ram_save_complete()",
)
def ram_end_missing(context: Context) -> Iterator[Defect]:
    """A mapped-ram stream that comes to its end has END of RAM.

    Why:
        QEMU writes the bitmaps within END of RAM, behind its header, and loads a stream without it.
        A save with `background-snapshot` never writes them: only memory that was all zero comes
        back. Pages that are lost are reported by MR304.

    Remedy:
        Nothing where MR304 is silent: all memory was zero. Otherwise run `mappedram repair`: it
        rebuilds the bitmaps from the pages, and writes END of RAM. Save without
        `background-snapshot` next time.
    """
    if context.stream.mapped_ram:
        yield from _without_end(context, "so QEMU did not write the bitmaps")


@rule(
    "MR018",
    "background-snapshot",
    Severity.INFO,
    clause="9.6.12",
    qemu="migration/migration.c: bg_migration_thread()",
)
def background_snapshot(context: Context) -> Iterator[Defect]:
    """A stream without mapped-ram that comes to its end has END of RAM.

    Why:
        A save with `background-snapshot` writes all pages in PART sections and no END. QEMU loads
        it with the right memory.

    Remedy:
        None is needed: load the stream as any other.
    """
    if not context.stream.mapped_ram:
        yield from _without_end(context, "as after a save with background-snapshot")


@rule(
    NOT_FOLLOWED,
    "not-followed",
    Severity.INFO,
    clause="9.6.2",
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def not_followed(context: Context) -> Iterator[Defect]:
    """All of the file is something that this package reads.

    Why:
        The file may be right, but what stands behind this place was not looked at: another kind of
        file, a live device before the end of RAM whose records are not known.

    Remedy:
        Check that this is the right file, and give `--offset` if the stream begins later in it. The
        blocks that stand before this place can be read as usual.
    """
    stream = context.stream
    if not context.undivided:
        yield from _stopped(context, NOT_FOLLOWED)
    for block in stream.blocks:
        if block.path in context.oversized:
            yield Defect(
                f"the bitmap of block {block.idstr!r} takes {block.bitmap_size:#x} bytes, more than"
                " this version looks at",
                Place(block.bitmap_offset, block.bitmap_size, f"{block.path}/bitmap"),
            )


@rule(
    "MR012",
    "no-mapped-ram",
    Severity.INFO,
    clause="9.6.1",
    qemu="migration/ram.c: ram_load_precopy()",
)
def no_mapped_ram(context: Context) -> Iterator[Defect]:
    """The stream has mapped-ram.

    Why:
        A stream without it is just as good, but a destination loads it only with the capability
        off, and nothing in it can be reached without reading all that stands before.

    Remedy:
        Load the file with the capability `mapped-ram` off, or convert it with `mappedram convert -O
        mapped-ram`.
    """
    start, stream = context.ram_start, context.stream
    if start and not stream.mapped_ram and (not stream.stopped or context.undivided):
        yield Defect(
            "the stream has no mapped-ram: its pages stand in records, one after the other",
            Place(start.offset, start.length, start.path),
        )


@rule(
    "MR017",
    "compressed-pages",
    Severity.INFO,
    clause="9.6.9",
    qemu="migration/ram.c: ram_load_precopy()",
)
def compressed_pages(context: Context) -> Iterator[Defect]:
    """A stream without mapped-ram has no record COMPRESS_PAGE.

    Why:
        The capability `compress` is gone since QEMU 9.1. From that release on, QEMU refuses the
        stream: "Unknown combination of migration flags". Older ones load it with `compress` on.

    Remedy:
        Convert the file with `mappedram convert -O mapped-ram`, or with `mappedram convert -O
        stream` for a destination without the capability `mapped-ram`. QEMU up to 9.0 loads it as it
        is, with `compress` on.
    """
    recorded = {b.idstr: b.recorded for b in context.snapshot.blocks if b.recorded}
    offset = first_compressed(context.source, recorded)
    if offset is not None:
        flags = int.from_bytes(context.source.peek(offset, 8), "big") & RAM_SAVE_FLAG_MASK
        yield Defect(
            "pages are compressed, which QEMU 9.1 and newer cannot read",
            Place(offset, 8, "page_record/addr_and_flags"),
            expected="ZERO, PAGE, XBZRLE or MULTIFD_FLUSH",
            actual=f"{flags:#x}",
        )


@rule(
    "MR005",
    "drivers-disagree",
    Severity.ERROR,
    clause="1.1.5",
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def drivers_disagree(context: Context) -> Iterator[Defect]:
    """Both readers, that of Construct and that of Kaitai Struct, make the same of the file.

    Why:
        One of the two descriptions of the format is wrong, and parsers made from it read this file
        differently. That is a bug of this package; please report it with the file.

    Remedy:
        Report the bug, with a `mappedram metadump` of the file: it holds no memory of the guest.
        QEMU may load the file as it is.
    """
    if difference := context.difference:
        yield difference


@rule(
    "MR019",
    "devices-only",
    Severity.INFO,
    clause="9.6.13",
    errata=("E-056",),
    qemu="migration/savevm.c: qemu_save_device_state()",
)
def devices_only(context: Context) -> Iterator[Defect]:
    """The file holds guest memory, not only the state of devices.

    Why:
        `xen-save-devices-state` writes the devices alone; Xen keeps guest memory elsewhere. The
        file is right for `xen-load-devices-state`, and no snapshot of a guest.

    Remedy:
        For a snapshot with memory, save with `migrate`, or with the tools of Xen. QEMU without Xen
        loads these devices as an incoming migration with `migration.send-configuration=off`.
    """
    if context.has_devices_only:
        (end,) = context.sections(SectionType.EOF)
        yield Defect(
            "the stream holds devices and no guest memory, as xen-save-devices-state writes it",
            Place(end.offset, end.length, end.path),
        )


@rule(
    "MR020",
    "devices-not-followed",
    Severity.WARNING,
    clause="4.6.11",
    qemu="migration/savevm.c: qemu_loadvm_state_main()",
)
def devices_not_followed(context: Context) -> Iterator[Defect]:
    """The sections behind RAM have footers, or the JSON description tells their lengths.

    Why:
        QEMU saves without either under `migration.send-section-footer=off` with
        `suppress-vmdesc=on`, and loads the file: each device knows the length of its own state. The
        memory is complete and was checked; the devices, and the end of the stream, were not.

    Remedy:
        The memory can be used as usual. To have the devices checked, save again with footers or
        with the description.
    """
    if context.undivided:
        yield refusal_defect(context.undivided)


@rule(
    "MR006",
    "ram-start-missing",
    Severity.ERROR,
    clause="5.1.2",
    errata=("E-051",),
    qemu="migration/ram.c: ram_save_setup()",
)
def ram_start_missing(context: Context) -> Iterator[Defect]:
    """A stream that comes to its end has START of RAM.

    Why:
        Every migration writes it, that of a machine without RAM with an empty list. Without it the
        guest is restored with empty memory.

    Remedy:
        Copy the file again, or save again: without this section, no memory in the file can be
        found.
    """
    if context.stream.ended and not context.ram_start and not context.has_devices_only:
        (end,) = context.sections(SectionType.EOF)
        yield Defect(
            f"the stream ends at {end.offset:#x} without START of RAM",
            Place(end.offset, end.length, end.path),
            expected="START of RAM before EOF",
        )


def refusal_code(error: FormatError) -> str:
    """Code of the rule that a refusal of the reader falls under."""
    if isinstance(error, UnsupportedError):
        return NOT_FOLLOWED
    return "MR002" if isinstance(error, TruncatedError) else "MR001"


def refusal_defect(error: FormatError) -> Defect:
    """A refusal of the reader, as what a rule yields."""
    return Defect(
        error.msg, Place(error.offset, None, error.path), error.expected, _shown(error.actual)
    )


def _without_end(context: Context, consequence: str) -> Iterator[Defect]:
    """A stream with START of RAM, but no END before its own end."""
    stream = context.stream
    if stream.ended and context.ram_start and not stream.ram_ended:
        (end,) = context.sections(SectionType.EOF)
        yield Defect(
            f"the stream ends at {end.offset:#x} without END of RAM, {consequence}",
            Place(end.offset, end.length, end.path),
            expected="END of RAM before EOF",
        )


def _stopped(context: Context, code: str) -> Iterator[Defect]:
    stopped = context.stream.stopped
    if stopped and refusal_code(stopped) == code:
        yield refusal_defect(stopped)


def _shown(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return f"{value:#x}" if isinstance(value, int) else repr(value)
