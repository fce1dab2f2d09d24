"""MR0: whether the stream can be parsed to its end."""

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
    defect="A structure cannot be parsed, so what follows it is unknown.",
    clause="4.1.3",
    errata=("E-019", "E-023", "E-025", "E-031"),
    qemu="migration/savevm.c: qemu_loadvm_state_main()",
)
def malformed(context: Context) -> Iterator[Defect]:
    """Every structure of the stream can be parsed, and leads to the next one.

    Why:
        QEMU stops with an error at this byte or soon after, or misreads the bytes that follow.

    Remedy:
        Run `mappedram repair`: it repairs values that the rest of the file proves, and lists the
        damage that it cannot repair. `mappedram layout --hex` shows the bytes up to this offset. If
        the stream begins later in the file, use `--offset`.
    """
    yield from _stopped(context, "MR001")


@rule(
    "MR002",
    "truncated",
    Severity.ERROR,
    defect="The file ends within the stream or within the pages of a block.",
    clause="9.1.3",
    errata=("E-002", "E-057"),
    qemu="migration/qemu-file.c: qemu_fill_buffer()",
)
def truncated(context: Context) -> Iterator[Defect]:
    """The file contains the whole stream and all page areas.

    Why:
        The save or a later copy is incomplete. The missing data is lost, and QEMU fails where the
        file ends. With the capability `multifd`, QEMU crashes or hangs instead, if the file ends
        inside its pages.

    Remedy:
        If the file is a copy, copy it again. Otherwise save again: missing devices cannot be
        reconstructed. `mappedram repair` makes the memory in the file readable for `mappedram
        extract`.
    """
    yield from _stopped(context, "MR002")


@rule(
    "MR003",
    "ram-end-missing",
    Severity.WARNING,
    defect="RAM has no END section, although the stream is complete.",
    clause="7.4.8",
    errata=("E-001", "E-002", "E-051"),
    qemu="migration/ram.c: ram_save_complete()",
)
def ram_end_missing(context: Context) -> Iterator[Defect]:
    """A complete mapped-ram stream has END of RAM.

    Why:
        QEMU writes the bitmaps when it writes END of RAM, but loads a stream without END. A save
        with `background-snapshot` never writes the bitmaps, so that only pages of zeros are
        restored. MR304 reports the pages that are lost.

    Remedy:
        If MR304 reports nothing, all memory was zero and nothing is lost. Otherwise run `mappedram
        repair`: it rebuilds the bitmaps from the pages, and writes END of RAM. Save without
        `background-snapshot` next time.
    """
    if context.stream.mapped_ram:
        yield from _without_end(context, "so QEMU did not write the bitmaps")


@rule(
    "MR018",
    "background-snapshot",
    Severity.INFO,
    defect="END of RAM is missing, as after a background snapshot.",
    clause="9.6.12",
    qemu="migration/migration.c: bg_migration_thread()",
)
def background_snapshot(context: Context) -> Iterator[Defect]:
    """A complete stream without mapped-ram has END of RAM.

    Why:
        A save with `background-snapshot` writes all pages in PART sections and no END. QEMU loads
        it with the right memory.

    Remedy:
        None needed: load the stream like any other.
    """
    if not context.stream.mapped_ram:
        yield from _without_end(context, "as in a save with background-snapshot")


@rule(
    NOT_FOLLOWED,
    "not-followed",
    Severity.INFO,
    defect="The file uses a feature of the stream that this package cannot parse.",
    clause="9.6.2",
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def not_followed(context: Context) -> Iterator[Defect]:
    """This package can parse the whole file.

    Why:
        The file may be valid, but the bytes after this offset were not checked. It is another kind
        of file, or it has a live device before the end of RAM whose records are unknown.

    Remedy:
        Check that this is the right file, and use `--offset` if the stream begins later in it. The
        blocks before this offset can be read as usual.
    """
    stream = context.stream
    if not context.undivided:
        yield from _stopped(context, NOT_FOLLOWED)
    for block in stream.blocks:
        if block.path in context.oversized:
            yield Defect(
                f"the bitmap of block {block.idstr!r} has {block.bitmap_size:#x} bytes, more than"
                " this version checks",
                Place(block.bitmap_offset, block.bitmap_size, f"{block.path}/bitmap"),
            )


@rule(
    "MR012",
    "no-mapped-ram",
    Severity.INFO,
    defect="The file is a stream without mapped-ram.",
    clause="9.6.1",
    qemu="migration/ram.c: ram_load_precopy()",
)
def no_mapped_ram(context: Context) -> Iterator[Defect]:
    """The stream has mapped-ram.

    Why:
        A stream without mapped-ram is valid, but a destination loads it only with the capability
        disabled. A page cannot be read without reading everything before it.

    Remedy:
        Load the file with the capability `mapped-ram` disabled, or convert it with `mappedram
        convert -O mapped-ram`.
    """
    start, stream = context.ram_start, context.stream
    if start and not stream.mapped_ram and (not stream.stopped or context.undivided):
        yield Defect(
            "the stream has no mapped-ram: its pages are in consecutive records",
            Place(start.offset, start.length, start.path),
        )


@rule(
    "MR017",
    "compressed-pages",
    Severity.INFO,
    defect="Pages are compressed, which QEMU reads up to release 9.0 only.",
    clause="9.6.9",
    qemu="migration/ram.c: ram_load_precopy()",
)
def compressed_pages(context: Context) -> Iterator[Defect]:
    """A stream without mapped-ram has no COMPRESS_PAGE records.

    Why:
        QEMU 9.1 removed the capability `compress`. Since then, QEMU refuses the stream: "Unknown
        combination of migration flags". Older releases load it with `compress` enabled.

    Remedy:
        Convert the file with `mappedram convert -O mapped-ram`, or with `mappedram convert -O
        stream` for a destination without the capability `mapped-ram`. QEMU up to 9.0 loads the file
        with `compress` enabled.
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
    defect="The Construct and the Kaitai Struct parser read different values.",
    clause="1.1.5",
    qemu="migration/savevm.c: qemu_loadvm_state()",
)
def drivers_disagree(context: Context) -> Iterator[Defect]:
    """The Construct and the Kaitai Struct parser read the same values.

    Why:
        One of the two declarations of the format is wrong, and parsers generated from it read this
        file differently. This is a bug in this package.

    Remedy:
        Report the bug, with a `mappedram metadump` of the file, which contains no guest memory.
        QEMU may load the file without problems.
    """
    if difference := context.difference:
        yield difference


@rule(
    "MR019",
    "devices-only",
    Severity.INFO,
    defect="The file contains device state, but no guest memory.",
    clause="9.6.13",
    errata=("E-056",),
    qemu="migration/savevm.c: qemu_save_device_state()",
)
def devices_only(context: Context) -> Iterator[Defect]:
    """The file contains guest memory, not only device state.

    Why:
        `xen-save-devices-state` writes only devices; Xen stores guest memory elsewhere. The file is
        valid for `xen-load-devices-state`, but it is no snapshot of a guest.

    Remedy:
        To save memory as well, use `migrate` or the tools of Xen. QEMU without Xen loads these
        devices as an incoming migration with `migration.send-configuration=off`.
    """
    if context.has_devices_only:
        (end,) = context.sections(SectionType.EOF)
        yield Defect(
            "the stream contains devices but no guest memory, as written by xen-save-devices-state",
            Place(end.offset, end.length, end.path),
        )


@rule(
    "MR020",
    "devices-not-followed",
    Severity.WARNING,
    defect="Nothing in the file shows where its devices end.",
    clause="4.6.11",
    qemu="migration/savevm.c: qemu_loadvm_state_main()",
)
def devices_not_followed(context: Context) -> Iterator[Defect]:
    """Sections after RAM have footers, or the JSON description gives their lengths.

    Why:
        With `migration.send-section-footer=off` and `suppress-vmdesc=on`, QEMU writes neither, and
        can load the file because each device knows the length of its own state. The memory is
        complete and was checked; the devices and the end of the stream were not.

    Remedy:
        Use the memory as usual. To have the devices checked, save again with footers or with the
        description.
    """
    if context.undivided:
        yield refusal_defect(context.undivided)


@rule(
    "MR006",
    "ram-start-missing",
    Severity.ERROR,
    defect="The stream has no START of RAM, although it is complete.",
    clause="5.1.2",
    errata=("E-051",),
    qemu="migration/ram.c: ram_save_setup()",
)
def ram_start_missing(context: Context) -> Iterator[Defect]:
    """A complete stream has START of RAM.

    Why:
        Every migration writes it, even for a machine without RAM. Without it, the guest is restored
        with empty memory.

    Remedy:
        Copy the file again, or save again: without this section, the memory in the file cannot be
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
    """Code of the rule for an error of the parser."""
    if isinstance(error, UnsupportedError):
        return NOT_FOLLOWED
    return "MR002" if isinstance(error, TruncatedError) else "MR001"


def refusal_defect(error: FormatError) -> Defect:
    """An error of the parser as a defect."""
    return Defect(
        error.msg,
        Place(error.offset, error.length, error.path),
        error.expected,
        _shown(error.actual),
    )


def _without_end(context: Context, consequence: str) -> Iterator[Defect]:
    """A complete stream with START of RAM, but without END of RAM."""
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
