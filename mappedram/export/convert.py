"""Convert a snapshot file to a file of another form."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial as bound
from os import PathLike
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, get_args

from mappedram.errors import BuildError, FormatError, UnknownNameError, UnsupportedError
from mappedram.export.blocks import ChoiceError, chosen_blocks, extract
from mappedram.export.libvirt import write_libvirt_sparse
from mappedram.export.mapped_ram import OutputLayout, lacking, lay_out
from mappedram.export.options import ExportOptions
from mappedram.export.ranges import WrittenMemory, memory_of
from mappedram.export.raw import stored_bytes
from mappedram.export.stream import to_stream
from mappedram.export.streaming import EarlyPages
from mappedram.format.drivers import DriverName
from mappedram.guest.physical import PhysicalMap, physical_map
from mappedram.io.copying import Progress
from mappedram.io.opening import Openable
from mappedram.io.progress import Progressing, silent
from mappedram.io.source import Source
from mappedram.io.staged import DEVICES, StagedFiles
from mappedram.stream.coverage import Coverage
from mappedram.stream.libvirt import LibvirtImage, open_any
from mappedram.stream.reader import PageTaker
from mappedram.stream.snapshot import OpenSnapshot

Opening = Callable[..., AbstractContextManager[tuple[OpenSnapshot, LibvirtImage | None]]]

#: Forms with memory by physical address.
PhysicalForm = Literal["elf", "lime", "raw"]
#: All forms.
Form: TypeAlias = PhysicalForm | Literal["mapped-ram", "stream", "libvirt-sparse"]
PHYSICAL_FORMS: tuple[PhysicalForm, ...] = get_args(PhysicalForm)
FORMS: tuple[Form, ...] = (*PHYSICAL_FORMS, "mapped-ram", "stream", "libvirt-sparse")


@dataclass(frozen=True)
class Converted:
    """Result of `convert`.

    Attributes:
        form: form of the new file.
        path: the new file.
        unknown: blocks with unknown ranges, which are zeros; none without `partial`.
        notes: doubts about addresses and registers, in words.
        refused: why `direct_io` was not used although it was requested; None otherwise.
        damaged: why some of the devices, which determine the addresses, could not be read; None if
            all were read or the form has no addresses.
    """

    form: Form
    path: Path
    unknown: tuple[Coverage, ...]
    notes: tuple[str, ...] = ()
    refused: str | None = None
    damaged: FormatError | None = None


@dataclass(frozen=True)
class _Job:
    """Output of one conversion."""

    out: Path
    form: Form
    layout: OutputLayout
    force: bool
    progress: Progressing

    def done(self, unknown: "list[Coverage] | tuple[Coverage, ...]") -> Converted:
        return Converted(self.form, self.out, tuple(unknown))


def convert(  # noqa: PLR0913 - as many as the command has options
    file: Openable | Source | OpenSnapshot,
    out: str | PathLike[str],
    form: Form,
    *,
    block: str | None = None,
    below_4g: int | None = None,
    vector_lengths: tuple[int, ...] | None = None,
    offset: int = 0,
    memory: Mapping[str, Openable] | None = None,
    xml: str | None = None,
    cookie: str | None = None,
    layout: OutputLayout | None = None,
    driver: DriverName = "construct",
    force: bool = False,
    sources: tuple[Path, ...] = (),
    on_damage: Callable[[FormatError], None] | None = None,
    progress: Progressing = silent,
) -> Converted:
    """Convert a snapshot to another form. The new file appears only when it is complete.

    Args:
        file: as for `mappedram.open`, a libvirt save image, or an open snapshot.
        out: the new file, or a block device.
        form: `elf`, `lime` or `raw` for memory by physical address; `mapped-ram`, `stream` or
            `libvirt-sparse` for a complete snapshot.
        block: write only this RAM block (`raw`).
        below_4g: size of RAM below 4 GiB in bytes, if the file does not say.
        vector_lengths: lengths in bits that the vector registers (SVE) of the guest's ARM CPUs can
            have, which no file records (`elf`).
        offset: start of the stream or of the save image.
        memory: as for `mappedram.open`.
        xml: XML of the domain (`libvirt-sparse`); if None, that of the image.
        cookie: cookie of libvirt, likewise.
        layout: layout of `mapped-ram` and `libvirt-sparse`; its `channels`, `direct_io` and
            `partial` apply to every form.
        driver: `construct` or `kaitai`.
        force: replace an existing file, write to a device.
        sources: files that `xml` and `cookie` come from; users who may not read them may not read
            the new file.
        on_damage: called with the reason if only a part of a compressed image can be decompressed;
            if None, the reason is raised.
        progress: reports progress.

    Raises:
        UnknownNameError: there is no such form or block.
        ChoiceError: the addresses are unknown and there are several blocks (`raw`).
        BuildError: an argument does not apply to the form, or the snapshot cannot be converted.
        UnknownPagesError: some of the pages are unknown.
        MappedRamError: as for `mappedram.open`.
        OSError: reading or writing failed, or the file exists.
    """
    if form not in FORMS:
        raise UnknownNameError("form", form, FORMS)
    _refuse_arguments(form, block, below_4g, xml, cookie)
    _refuse_lengths(form, vector_lengths)
    job = _Job(Path(out), form, layout or OutputLayout(), force, progress)
    opening = bound(
        open_any, file, offset, driver=driver, partial=True, on_damage=on_damage, memory=memory
    )
    if form == "mapped-ram" and not memory and not isinstance(file, OpenSnapshot):
        return _from_file(opening, job)
    with opening() as (snapshot, image):
        if form == "raw" and block is not None:
            return _block(snapshot, block, job)
        if form in PHYSICAL_FORMS:
            return _by_address(snapshot, below_4g, job, vector_lengths)
        if form == "mapped-ram":
            return _relaid(snapshot, job)
        if form == "stream":
            return _plain(snapshot, job)
        texts = _texts(image, xml, cookie)
        return _save_image(snapshot, texts, sources, job)


def _refuse_arguments(
    form: Form, block: str | None, below_4g: int | None, xml: str | None, cookie: str | None
) -> None:
    if block is not None and form != "raw":
        raise BuildError(f"block: requires the form raw, not {form}")
    if below_4g is not None and (form not in PHYSICAL_FORMS or block is not None):
        raise BuildError("below_4g: requires the form elf or lime, or raw without block")
    if form != "libvirt-sparse" and not (xml is None and cookie is None):
        raise BuildError(f"xml, cookie: require the form libvirt-sparse, not {form}")


class LengthsError(BuildError):
    """No CPU can have such vector lengths, or the form has no registers."""


def _refuse_lengths(form: Form, lengths: tuple[int, ...] | None) -> None:
    if lengths is None:
        return
    if form != "elf":
        raise LengthsError(f"vector_lengths: require the form elf, not {form}")
    from mappedram.guest.cpu.sve import LENGTHS

    if not set(lengths) <= set(LENGTHS) or LENGTHS[0] not in lengths:
        raise LengthsError(
            f"vector_lengths: expected multiples of {LENGTHS[0]} up to {LENGTHS[-1]} bits, among"
            f" them {LENGTHS[0]}; got {', '.join(map(str, lengths)) or 'none'}"
        )


# Memory by its physical address.


class _Writer(Protocol):
    """Function that writes one of these forms."""

    def __call__(
        self,
        snapshot: OpenSnapshot,
        physical: PhysicalMap,
        fd: int,
        options: ExportOptions,
    ) -> WrittenMemory: ...


def _by_address(
    snapshot: OpenSnapshot,
    below_4g: int | None,
    job: _Job,
    vector_lengths: tuple[int, ...] | None,
) -> Converted:
    snapshot.require_blocks()
    try:
        physical = physical_map(snapshot, below_4g)
    except UnsupportedError as error:
        if job.form != "raw":
            raise
        return _unmapped(snapshot, job, error)
    layout = job.layout
    memory = memory_of(snapshot, physical, partial=layout.partial)
    with (
        job.progress("convert", memory.stored_bytes) as moved,
        StagedFiles(*snapshot.descriptors, force=job.force) as files,
    ):
        written = _writer(job.form, below_4g, vector_lengths)(
            snapshot,
            physical,
            files.open(job.out, also=DEVICES),
            ExportOptions(layout.channels, layout.direct_io, layout.partial, moved),
        )
    doubts = (f"not certain: {doubt}" for doubt in physical.doubts)
    return replace(
        job.done(written.unknown),
        notes=(*doubts, *written.doubts),
        refused=written.refused,
        damaged=snapshot.stream.damaged,
    )


def _writer(form: Form, below_4g: int | None, vector_lengths: tuple[int, ...] | None) -> _Writer:
    if form == "elf":
        from mappedram.export.elf import to_elf
        from mappedram.format.foreign.elf import Machine

        # Only PCs split their memory at 4 GiB.
        machine = Machine.NONE if below_4g is None else Machine.X86_64
        return bound(to_elf, machine=machine, vector_lengths=vector_lengths)
    if form == "lime":
        from mappedram.export.lime import to_lime

        return to_lime
    from mappedram.export.padded import to_padded

    return to_padded


def _unmapped(snapshot: OpenSnapshot, job: _Job, reason: UnsupportedError) -> Converted:
    """Write the only block if the addresses are unknown."""
    blocks = chosen_blocks(snapshot, [])
    if len(blocks) != 1:
        raise ChoiceError(f"{reason}; choose one of the {len(blocks)} blocks")
    note = f"{reason}: writing only block {blocks[0].idstr!r}, from its first byte"
    written = _block(snapshot, blocks[0].idstr, job)
    return replace(written, notes=(note,), damaged=snapshot.stream.damaged)


def _block(snapshot: OpenSnapshot, idstr: str, job: _Job) -> Converted:
    written = extract(
        snapshot,
        out=job.out,
        blocks=[idstr],
        channels=job.layout.channels,
        direct_io=job.layout.direct_io,
        force=job.force,
        partial=job.layout.partial,
        progress=job.progress,
    )
    return replace(job.done(written.unknown), refused=written.refused)


# Whole snapshots.


def _from_file(opening: Opening, job: _Job) -> Converted:
    """Write the pages of a stream without mapped-ram while it is parsed."""
    layout = job.layout
    with StagedFiles(force=job.force) as files, ExitStack() as stack:
        fd = files.open(job.out, also=DEVICES)

        def moved_of(total: int) -> Progress | None:
            return stack.enter_context(job.progress("convert", total))

        early = EarlyPages(fd, layout.offset, layout.align, moved_of)

        # Dropping zero pages and direct I/O need the complete stream first.
        def begin(read: OpenSnapshot, page_size: int) -> PageTaker | None:
            _refuse_align(layout.align, page_size)
            return early.begin(read, page_size)

        on_pages = None if layout.drop_zero_pages or layout.direct_io else begin
        snapshot, _ = stack.enter_context(opening(on_pages=on_pages))
        _refuse_align(layout.align, snapshot.stream.page_size or 1)
        files.made_of(*snapshot.descriptors)
        moved = None
        if not early.begun:
            moved = moved_of(sum(map(stored_bytes, snapshot.blocks)))
        refused = lay_out(snapshot, fd, layout, early=early, progress=moved)
        return replace(job.done(lacking(snapshot)), refused=refused)


class AlignError(BuildError):
    """No page can be placed with the given alignment."""


def _refuse_align(align: int, page_size: int) -> None:
    if align < page_size or align % page_size:
        raise AlignError(f"align {align:#x}: expected a multiple of the page size, {page_size:#x}")


def _relaid(snapshot: OpenSnapshot, job: _Job) -> Converted:
    _refuse_align(job.layout.align, snapshot.stream.page_size or 1)
    with (
        job.progress("convert", sum(map(stored_bytes, snapshot.blocks))) as moved,
        StagedFiles(*snapshot.descriptors, force=job.force) as files,
    ):
        fd = files.open(job.out, also=DEVICES)
        refused = lay_out(snapshot, fd, job.layout, progress=moved)
    return replace(job.done(lacking(snapshot)), refused=refused)


def _plain(snapshot: OpenSnapshot, job: _Job) -> Converted:
    total = sum(block.used_length for block in snapshot.blocks if block.has_pages)
    with (
        job.progress("convert", total) as moved,
        StagedFiles(*snapshot.descriptors, force=job.force) as files,
    ):
        to_stream(
            snapshot,
            files.open(job.out, also=DEVICES),
            channels=job.layout.channels,
            partial=job.layout.partial,
            progress=moved,
        )
    return job.done(lacking(snapshot))


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a save image."""

    xml: str
    cookie: str | None
    was_running: bool


class MissingXmlError(BuildError):
    """A save image requires the XML of the domain, which a bare snapshot does not have."""


def _texts(image: LibvirtImage | None, xml: str | None, cookie: str | None) -> _Texts:
    """The given texts, or those of the image that is read."""
    if image is None:
        if xml is None:
            raise MissingXmlError("xml: required, as the input has no domain XML")
        return _Texts(xml, cookie, was_running=False)
    own = image.xml if xml is None else xml
    return _Texts(own, image.cookie if cookie is None else cookie, image.was_running)


def _save_image(
    snapshot: OpenSnapshot, texts: _Texts, sources: tuple[Path, ...], job: _Job
) -> Converted:
    with (
        job.progress("convert", sum(map(stored_bytes, snapshot.blocks))) as moved,
        StagedFiles(*snapshot.descriptors, *sources, force=job.force) as files,
    ):
        refused = write_libvirt_sparse(
            snapshot,
            texts.xml,
            texts.cookie,
            files.open(job.out, also=DEVICES),
            was_running=texts.was_running,
            layout=job.layout,
            progress=moved,
        )
    return replace(job.done(lacking(snapshot)), refused=refused)
