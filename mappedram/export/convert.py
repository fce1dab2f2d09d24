"""A snapshot in another form, from a file to a file: what `mappedram convert` does."""

from collections.abc import Callable
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
from mappedram.stream.snapshot import OpenSnapshot

Opening = Callable[..., AbstractContextManager[tuple[OpenSnapshot, LibvirtImage | None]]]

#: Forms that hold memory by its physical address.
PhysicalForm = Literal["elf", "lime", "raw"]
#: All forms.
Form: TypeAlias = PhysicalForm | Literal["mapped-ram", "stream", "libvirt-sparse"]
PHYSICAL_FORMS: tuple[PhysicalForm, ...] = get_args(PhysicalForm)
FORMS: tuple[Form, ...] = (*PHYSICAL_FORMS, "mapped-ram", "stream", "libvirt-sparse")


@dataclass(frozen=True)
class Converted:
    """What `convert` wrote.

    Attributes:
        form: the form.
        path: the file.
        unknown: where zeros stand for what the snapshot does not tell; nothing without `partial`.
        notes: what may be wrong with the addresses or registers, in words.
        refused: why `direct_io` was not used although it was asked for; None otherwise.
        damaged: why the devices were not all read, which addresses are told by; None if they were,
            or if no address is in the file.
    """

    form: Form
    path: Path
    unknown: tuple[Coverage, ...]
    notes: tuple[str, ...] = ()
    refused: str | None = None
    damaged: FormatError | None = None


@dataclass(frozen=True)
class _Job:
    """One conversion, but for what is read."""

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
    offset: int = 0,
    xml: str | None = None,
    cookie: str | None = None,
    layout: OutputLayout | None = None,
    driver: DriverName = "construct",
    force: bool = False,
    sources: tuple[Path, ...] = (),
    on_damage: Callable[[FormatError], None] | None = None,
    progress: Progressing = silent,
) -> Converted:
    """Write a snapshot in another form. The file appears when all is written, or not at all.

    Args:
        file: what `mappedram.open` takes, a save image of libvirt, or an open snapshot.
        out: the file to be written, or a block device.
        form: `elf`, `lime` and `raw` hold memory by its physical address; `mapped-ram`, `stream`
            and `libvirt-sparse` are whole snapshots.
        block: this RAM block alone, in the place of all memory (`raw`).
        below_4g: how many bytes of RAM lie below 4 GiB, where the file does not tell.
        offset: where the stream, or a save image of libvirt, begins.
        xml: the XML of the domain (`libvirt-sparse`); that of the image if None.
        cookie: the cookie of libvirt, likewise.
        layout: number of threads, `direct_io` and `partial` for every form; the rest of it for
            `mapped-ram` and `libvirt-sparse`.
        driver: `construct` or `kaitai`.
        force: replace a file that exists, write into a device.
        sources: further files that the texts were taken from; who may not read them may not read
            the new file.
        on_damage: called with the reason where a compressed image can be decompressed in part only;
            if None, it is raised.
        progress: shows how far it is.

    Raises:
        UnknownNameError: there is no such form, or no such block.
        ChoiceError: nothing tells the addresses, and there are several blocks (`raw`).
        BuildError: an argument does not go with the form, or the snapshot cannot take that form.
        UnknownPagesError: the snapshot does not tell all of what is to be written.
        MappedRamError: as `mappedram.open` does.
        OSError: reading or writing failed, or the file exists.
    """
    if form not in FORMS:
        raise UnknownNameError("form", form, FORMS)
    _refuse_arguments(form, block, below_4g, xml, cookie)
    job = _Job(Path(out), form, layout or OutputLayout(), force, progress)
    opening = bound(open_any, file, offset, driver=driver, partial=True, on_damage=on_damage)
    if form == "mapped-ram" and not isinstance(file, OpenSnapshot):
        return _from_file(opening, job)
    with opening() as (snapshot, image):
        if form == "raw" and block is not None:
            return _block(snapshot, block, job)
        if form in PHYSICAL_FORMS:
            return _by_address(snapshot, below_4g, job)
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
        raise BuildError(f"block: goes with the form raw, not with {form}")
    if below_4g is not None and (form not in PHYSICAL_FORMS or block is not None):
        raise BuildError("below_4g: goes with the forms elf and lime, and with raw of all memory")
    if form != "libvirt-sparse" and not (xml is None and cookie is None):
        raise BuildError(f"xml, cookie: go with the form libvirt-sparse, not with {form}")


# Memory by its physical address.


class _Writer(Protocol):
    """What writes one of those forms."""

    def __call__(
        self,
        snapshot: OpenSnapshot,
        physical: PhysicalMap,
        fd: int,
        *,
        channels: int,
        direct_io: bool,
        partial: bool,
        progress: Progress | None,
    ) -> WrittenMemory: ...


def _by_address(snapshot: OpenSnapshot, below_4g: int | None, job: _Job) -> Converted:
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
        StagedFiles(*snapshot.source.descriptors, force=job.force) as files,
    ):
        written = _writer(job.form, below_4g)(
            snapshot,
            physical,
            files.open(job.out, also=DEVICES),
            channels=layout.channels,
            direct_io=layout.direct_io,
            partial=layout.partial,
            progress=moved,
        )
    doubts = (f"not certain: {doubt}" for doubt in physical.doubts)
    return replace(
        job.done(written.unknown),
        notes=(*doubts, *written.doubts),
        refused=written.refused,
        damaged=snapshot.stream.damaged,
    )


def _writer(form: Form, below_4g: int | None) -> _Writer:
    if form == "elf":
        from mappedram.export.elf import to_elf
        from mappedram.format.foreign.elf import Machine

        # Only PCs divide their memory at 4 GiB.
        return bound(to_elf, machine=Machine.NONE if below_4g is None else Machine.X86_64)
    if form == "lime":
        from mappedram.export.lime import to_lime

        return to_lime
    from mappedram.export.padded import to_padded

    return to_padded


def _unmapped(snapshot: OpenSnapshot, job: _Job, reason: UnsupportedError) -> Converted:
    """Where nothing tells the addresses: the one block there is."""
    blocks = chosen_blocks(snapshot, [])
    if len(blocks) != 1:
        raise ChoiceError(f"{reason}; of its {len(blocks)} blocks, one has to be chosen")
    note = f"{reason}: {blocks[0].idstr!r} is written alone, from its first byte on"
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
    """With the pages of a stream without mapped-ram written while it is being followed."""
    layout = job.layout
    with StagedFiles(force=job.force) as files, ExitStack() as stack:
        fd = files.open(job.out, also=DEVICES)

        def moved_of(total: int) -> Progress | None:
            return stack.enter_context(job.progress("convert", total))

        early = EarlyPages(fd, layout.offset, layout.align, moved_of)
        # Pages of zeros, and those that go past the page cache, take another way.
        on_pages = None if layout.drop_zero_pages or layout.direct_io else early.begin
        snapshot, _ = stack.enter_context(opening(on_pages=on_pages))
        files.made_of(*snapshot.source.descriptors)
        moved = None
        if not early.begun:
            moved = moved_of(sum(map(stored_bytes, snapshot.blocks)))
        refused = lay_out(snapshot, fd, layout, early=early, progress=moved)
        return replace(job.done(lacking(snapshot)), refused=refused)


def _relaid(snapshot: OpenSnapshot, job: _Job) -> Converted:
    with (
        job.progress("convert", sum(map(stored_bytes, snapshot.blocks))) as moved,
        StagedFiles(*snapshot.source.descriptors, force=job.force) as files,
    ):
        fd = files.open(job.out, also=DEVICES)
        refused = lay_out(snapshot, fd, job.layout, progress=moved)
    return replace(job.done(lacking(snapshot)), refused=refused)


def _plain(snapshot: OpenSnapshot, job: _Job) -> Converted:
    total = sum(block.used_length for block in snapshot.blocks if block.has_pages)
    with (
        job.progress("convert", total) as moved,
        StagedFiles(*snapshot.source.descriptors, force=job.force) as files,
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
    """What a save image says of the domain besides its memory."""

    xml: str
    cookie: str | None
    was_running: bool


class MissingXmlError(BuildError):
    """A save image needs the XML of a domain, and a bare snapshot has none."""


def _texts(image: LibvirtImage | None, xml: str | None, cookie: str | None) -> _Texts:
    """Those that were given, else those of the image that is read."""
    if image is None:
        if xml is None:
            raise MissingXmlError("xml: expected the XML of the domain; the snapshot is a bare one")
        return _Texts(xml, cookie, was_running=False)
    own = image.xml if xml is None else xml
    return _Texts(own, image.cookie if cookie is None else cookie, image.was_running)


def _save_image(
    snapshot: OpenSnapshot, texts: _Texts, sources: tuple[Path, ...], job: _Job
) -> Converted:
    with (
        job.progress("convert", sum(map(stored_bytes, snapshot.blocks))) as moved,
        StagedFiles(*snapshot.source.descriptors, *sources, force=job.force) as files,
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
