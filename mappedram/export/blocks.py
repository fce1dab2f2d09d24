"""RAM blocks as raw files: the choice of blocks, their file names, and one result for all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from mappedram.errors import BuildError, FormatError, UnsupportedError
from mappedram.export import raw
from mappedram.export.options import ExportOptions
from mappedram.export.raw import stored_bytes
from mappedram.format.constants import RAM_SECTION_IDSTR
from mappedram.format.drivers import DriverName
from mappedram.io.opening import Openable
from mappedram.io.progress import Progressing, silent
from mappedram.io.source import Source
from mappedram.io.staged import DEVICES, StagedFiles, make_folder, safe_name
from mappedram.stream.block import Block
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import OpenSnapshot

_SUFFIX = ".raw"


class ChoiceError(BuildError):
    """Several blocks match, but only one can be written."""


@dataclass(frozen=True, slots=True)
class ExtractedBlock:
    """One RAM block that was written.

    Attributes:
        idstr: name of the block.
        path: the new file.
        used_length: size of the block in bytes.
        page_size: size of a page in bytes; None if the snapshot has no pages of the block.
        pages_present: number of pages in the snapshot; all others are holes.
    """

    idstr: str
    path: Path
    used_length: int
    page_size: int | None
    pages_present: int

    @property
    def stored_bytes(self) -> int:
        """Size of these pages in bytes."""
        return self.pages_present * (self.page_size or 0)


@dataclass(frozen=True)
class Extracted:
    """Result of `extract`.

    Attributes:
        blocks: the blocks that were written.
        coverages: unknown ranges of the requested blocks; without a request, of all memory,
            including blocks without a header.
        refused: why `direct_io` was not used although it was requested; None otherwise.
    """

    blocks: tuple[ExtractedBlock, ...]
    coverages: tuple[Coverage, ...]
    refused: str | None = None

    @property
    def unknown(self) -> tuple[Coverage, ...]:
        """The coverages with unknown ranges, which are holes; none without `partial`."""
        return tuple(coverage for coverage in self.coverages if coverage.unknown)


def extract(  # noqa: PLR0913 - as many as the command has options
    file: Openable | Source | OpenSnapshot,
    directory: str | PathLike[str] | None = None,
    *,
    out: str | PathLike[str] | None = None,
    blocks: Sequence[str] = (),
    offset: int = 0,
    memory: Mapping[str, Openable] | None = None,
    driver: DriverName = "construct",
    channels: int = 1,
    direct_io: bool = False,
    force: bool = False,
    partial: bool = False,
    on_damage: Callable[[FormatError], None] | None = None,
    progress: Progressing = silent,
) -> Extracted:
    """Write RAM blocks as sparse raw files: byte n of a file is byte n of the block.

    A page that is not in the snapshot becomes a hole. The files appear together when all are
    complete; after an error, none exists.

    Args:
        file: as for `mappedram.open`, a libvirt save image, or an open snapshot.
        directory: directory for one file per block, named after the block (percent-encoded, with
            the suffix `.raw`); created if missing.
        out: file for a single block, instead of `directory`.
        blocks: names of the blocks; if empty, all blocks with pages.
        offset: start of the stream or of the save image.
        memory: as for `mappedram.open`.
        driver: `construct` or `kaitai`.
        channels: number of threads.
        direct_io: bypass the page cache if the file system supports it.
        force: replace existing files.
        partial: leave holes for unknown pages instead of raising.
        on_damage: called with the reason if only a part of a compressed image can be decompressed;
            if None, the reason is raised.
        progress: reports progress.

    Raises:
        UnknownNameError: there is no block of a name.
        ChoiceError: `out` is given for several blocks.
        BuildError: not exactly one of `directory` and `out` is given.
        UnknownPagesError: some of the pages are unknown.
        MappedRamError: as for `mappedram.open`.
        OSError: reading or writing failed, or a file exists.
    """
    if (directory is None) == (out is None):
        raise BuildError("extract: expected one of directory and out")
    opening = open_any(
        file, offset, driver=driver, partial=True, on_damage=on_damage, memory=memory
    )
    with opening as (snapshot, _):
        chosen, coverages = _known_blocks(snapshot, blocks, partial=partial)
        if out is not None:
            _refuse_several(chosen)
        if directory is not None:
            make_folder(Path(directory), *snapshot.descriptors)
        places = [Path(out or Path(directory or "", safe_name(b.idstr, _SUFFIX))) for b in chosen]
        with (
            progress("extract", sum(map(stored_bytes, chosen))) as moved,
            StagedFiles(*snapshot.descriptors, force=force) as files,
        ):
            # A device is only written if it is named, never through a link in the directory.
            also = frozenset() if out is None else DEVICES
            options = ExportOptions(channels, direct_io, partial, moved)
            fds = (files.open(place, also=also) for place in places)
            refused = [raw.extract(*one, options) for one in zip(chosen, fds, strict=True)]
        written = map(_written, chosen, places)
        why = next(filter(None, refused), None)
        return Extracted(tuple(written), tuple(coverages), why)


def one_block(
    snapshot: OpenSnapshot, idstrs: Sequence[str], *, partial: bool
) -> tuple[Block, list[Coverage]]:
    """The only block of these names, or with pages, and its coverage as of `coverages_of`.

    Raises:
        UnknownNameError: there is no block of a name.
        ChoiceError: there are several blocks.
        UnknownPagesError: some of the pages are unknown, without `partial`.
        FormatError: reading stopped before the first block.
        UnsupportedError: the stream has only devices.
    """
    chosen, coverages = _known_blocks(snapshot, idstrs, partial=partial)
    _refuse_several(chosen)
    return chosen[0], coverages


def _known_blocks(
    snapshot: OpenSnapshot, idstrs: Sequence[str], *, partial: bool
) -> tuple[list[Block], list[Coverage]]:
    chosen = chosen_blocks(snapshot, idstrs)
    coverages = coverages_of(snapshot, idstrs)
    if not partial:
        require_known(coverages, snapshot.stream.stopped)
    return chosen, coverages


def _written(block: Block, path: Path) -> ExtractedBlock:
    readable = block.readable
    page_size = block.page_size if readable else None
    present = block.stored.count() if readable else 0
    return ExtractedBlock(block.idstr, path, block.used_length, page_size, present)


def _refuse_several(blocks: Sequence[Block]) -> None:
    if len(blocks) != 1:
        names = ", ".join(repr(block.idstr) for block in blocks)
        raise ChoiceError(f"out takes one block, not {len(blocks)}: {names}")


def chosen_blocks(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Block]:
    """The blocks of these names, or all blocks with pages.

    Raises:
        UnknownNameError: there is no block of a name.
        FormatError: reading stopped before the first block.
        UnsupportedError: the stream has only devices.
    """
    snapshot.require_blocks()
    if snapshot.stream.ended and not any(s.idstr == RAM_SECTION_IDSTR for s in snapshot.sections):
        raise UnsupportedError("the stream contains devices but no guest memory")
    if idstrs:
        return [snapshot.block[idstr] for idstr in dict.fromkeys(idstrs)]
    return [block for block in snapshot.block.values() if block.readable]


def coverages_of(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Coverage]:
    """Unknown ranges of the blocks of these names, or of all memory.

    Raises:
        UnknownNameError: there is no block of a name.
    """
    if idstrs:
        return [snapshot.block[idstr].coverage for idstr in dict.fromkeys(idstrs)]
    return snapshot.coverages()
