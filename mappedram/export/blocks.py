"""RAM blocks as raw files: which of them, under which names, all or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial as bound
from os import PathLike
from pathlib import Path

from mappedram.errors import BuildError, FormatError, UnsupportedError
from mappedram.export import raw
from mappedram.export.raw import stored_bytes
from mappedram.format.constants import RAM_SECTION_IDSTR
from mappedram.format.drivers import DriverName
from mappedram.io.opening import Openable
from mappedram.io.progress import Progressing, silent
from mappedram.io.source import Source
from mappedram.io.staged import DEVICES, StagedFiles, make_folder, safe_name
from mappedram.stream.coverage import Coverage, require_known
from mappedram.stream.libvirt import open_any
from mappedram.stream.snapshot import Block, OpenSnapshot

_SUFFIX = ".raw"


class ChoiceError(BuildError):
    """One block has to be chosen of several."""


@dataclass(frozen=True, slots=True)
class ExtractedBlock:
    """What became of one RAM block.

    Attributes:
        idstr: its name.
        path: the file that was written.
        used_length: bytes of it.
        page_size: bytes of a page; None where the file keeps none of it.
        pages_present: number of pages that were in the snapshot; the others are holes.
    """

    idstr: str
    path: Path
    used_length: int
    page_size: int | None
    pages_present: int

    @property
    def stored_bytes(self) -> int:
        """Bytes that were in the snapshot."""
        return self.pages_present * (self.page_size or 0)


@dataclass(frozen=True)
class Extracted:
    """What `extract` wrote.

    Attributes:
        blocks: the blocks that were written.
        coverages: what the snapshot tells of the blocks that were asked for, or of all memory,
            blocks without a header included.
        refused: why `direct_io` was not used although it was asked for; None otherwise.
    """

    blocks: tuple[ExtractedBlock, ...]
    coverages: tuple[Coverage, ...]
    refused: str | None = None

    @property
    def unknown(self) -> tuple[Coverage, ...]:
        """Where holes stand for what the snapshot does not tell; nothing without `partial`."""
        return tuple(coverage for coverage in self.coverages if coverage.unknown)


def extract(  # noqa: PLR0913 - as many as the command has options
    file: Openable | Source | OpenSnapshot,
    directory: str | PathLike[str] | None = None,
    *,
    out: str | PathLike[str] | None = None,
    blocks: Sequence[str] = (),
    offset: int = 0,
    driver: DriverName = "construct",
    channels: int = 1,
    direct_io: bool = False,
    force: bool = False,
    partial: bool = False,
    on_damage: Callable[[FormatError], None] | None = None,
    progress: Progressing = silent,
) -> Extracted:
    """Write RAM blocks as sparse raw files: byte n of a file is byte n of the block.

    A page that is not in the snapshot becomes a hole. All files appear when all are written, or
    none does.

    Args:
        file: what `mappedram.open` takes, a save image of libvirt, or an open snapshot.
        directory: where the files go, one for each block, named after it (percent-encoded, with
            `.raw` at the end); made if missing. Nothing is written outside of it.
        out: in its place, the file for one block.
        blocks: names of the blocks; all that the file can hold pages of, if empty.
        offset: where the stream, or a save image of libvirt, begins.
        driver: `construct` or `kaitai`.
        channels: number of threads.
        direct_io: write past the page cache where the file system can.
        force: replace files that exist.
        partial: leave holes where the snapshot does not tell what memory holds.
        on_damage: called with the reason where a compressed image can be decompressed in part only;
            if None, it is raised.
        progress: shows how far it is.

    Raises:
        UnknownNameError: there is no block of a name.
        ChoiceError: `out` is for one block, and there are several.
        BuildError: neither or both of `directory` and `out` are given.
        UnknownPagesError: the snapshot does not tell all of the blocks.
        MappedRamError: as `mappedram.open` does.
        OSError: reading or writing failed, or a file exists.
    """
    if (directory is None) == (out is None):
        raise BuildError("extract: expected one of directory and out")
    opening = bound(open_any, file, offset, driver=driver, partial=True, on_damage=on_damage)
    with opening() as (snapshot, _):
        chosen = chosen_blocks(snapshot, blocks)
        coverages = coverages_of(snapshot, blocks)
        if not partial:
            require_known(coverages, snapshot.stream.stopped)
        if out is not None and len(chosen) != 1:
            raise ChoiceError(f"one file takes one block, not {len(chosen)}: {_names(chosen)}")
        if directory is not None:
            make_folder(Path(directory), *snapshot.source.descriptors)
        places = [Path(out or Path(directory or "", safe_name(b.idstr, _SUFFIX))) for b in chosen]
        total = sum(map(stored_bytes, chosen))
        refused = None
        with (
            progress("extract", total) as moved,
            StagedFiles(*snapshot.source.descriptors, force=force) as files,
        ):
            for block, place in zip(chosen, places, strict=True):
                # Links in a directory lead nowhere.
                fd = files.open(place, also=frozenset() if out is None else DEVICES)
                told = raw.extract(
                    block,
                    fd,
                    channels=channels,
                    direct_io=direct_io,
                    partial=partial,
                    progress=moved,
                )
                refused = told or refused
        written = tuple(map(_written, chosen, places))
    return Extracted(written, tuple(coverages), refused)


def _written(block: Block, path: Path) -> ExtractedBlock:
    readable = block.readable
    page_size = block.page_size if readable else None
    present = block.stored.count() if readable else 0
    return ExtractedBlock(block.idstr, path, block.used_length, page_size, present)


def _names(blocks: Sequence[Block]) -> str:
    return ", ".join(repr(block.idstr) for block in blocks)


def chosen_blocks(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Block]:
    """The blocks of these names, or all that the file can hold pages of.

    Raises:
        UnknownNameError: there is no block of a name.
        FormatError: the file ends, or cannot be followed, before the first block.
        UnsupportedError: it holds devices alone.
    """
    snapshot.require_blocks()
    if snapshot.stream.ended and not any(s.idstr == RAM_SECTION_IDSTR for s in snapshot.sections):
        raise UnsupportedError("the stream holds devices and no guest memory")
    if idstrs:
        return [snapshot.block[idstr] for idstr in dict.fromkeys(idstrs)]
    return [block for block in snapshot.block.values() if block.readable]


def coverages_of(snapshot: OpenSnapshot, idstrs: Sequence[str]) -> list[Coverage]:
    """What the file tells of the blocks of these names, or of all memory.

    Raises:
        UnknownNameError: there is no block of a name.
    """
    if idstrs:
        return [snapshot.block[idstr].coverage for idstr in dict.fromkeys(idstrs)]
    return snapshot.coverages()
