"""The loader of a real QEMU, with clean files saved by the same QEMU."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mappedram.errors import MappedRamError
from mappedram.export.mapped_ram import OutputLayout, lay_out
from mappedram.fuzz.cases import Case, Cases, Seeded
from mappedram.fuzz.sound import pattern
from mappedram.fuzz.sparse import SparseFile, memory_file
from mappedram.fuzz.targets.base import Kind, Limit, Observation, Worker
from mappedram.fuzz.targets.signs import FROM_OUTSIDE, sign_of, signal_of
from mappedram.io import system
from mappedram.qemu.run.guests import GUESTS
from mappedram.qemu.run.load import LoadResult, Outcome, QemuLoader, digest_of_snapshot
from mappedram.stream.snapshot import OpenSnapshot, open_snapshot

_PAGE_SIZE = 4096

_KINDS: dict[Outcome, Kind] = {
    "loads": "accepts",
    "refuses": "refuses",
    "crashes": "crashes",
    "hangs": "hangs",
    "wrong-memory": "wrong-memory",
}


class QemuTarget:
    """A system emulator of QEMU.

    Args:
        binary: the emulator.
        limit: limits of one load.
        guest: name of the guest (`mappedram.qemu.run.guests`); `none` is the fastest.
    """

    def __init__(self, binary: Path, limit: Limit, guest: str = "none") -> None:
        self.binary = binary
        self.limit = limit
        self.guest = guest

    @property
    def name(self) -> str:
        """The emulator."""
        return self.binary.name

    def command(self, name: str, offset: int) -> str:
        """The command to try a file by hand, in the monitor of a guest with the same memory."""
        guest = GUESTS[self.guest]
        memory = (
            f"-object memory-backend-ram,id={idstr},size={size}"
            for idstr, size in guest.blocks.items()
        )
        switches = "".join(f"migrate_set_capability {c} on\\n" for c in guest.capabilities)
        monitor = f"{switches}migrate_incoming file:{name},offset={offset}\\n"
        argv = [str(self.binary), "-nodefaults -S", *memory, *guest.args]
        return f"printf '{monitor}' | {' '.join(argv)} -incoming defer -display none -monitor stdio"

    def _loader(self) -> QemuLoader:
        memory = {} if self.limit.memory is None else {"address_space": self.limit.memory}
        return QemuLoader(self.binary, self.guest, timeout=self.limit.seconds, **memory)

    def cases(self, seed: int) -> Cases:
        """Mutations of clean files, which this QEMU has saved.

        Raises:
            MappedRamError: it cannot save.
        """
        return Seeded(list(self._clean()), seed)

    def _clean(self) -> Iterator[Case]:
        """The same guest at the beginning of a file, and in containers of two kinds.

        Offsets count from the beginning of the file, whatever precedes the stream. In one container
        all of RAM would fit before the stream; in the other, the list of blocks begins at a page
        boundary.
        """
        with TemporaryDirectory(prefix="mappedram-fuzz-") as folder, self._loader() as loader:
            path = Path(folder) / "clean"
            try:
                loader.save(path, _fill)
            except RuntimeError as error:
                raise MappedRamError(f"no clean file to begin with: {error}") from error
            with open_snapshot(path) as snapshot:
                expected = digest_of_snapshot(snapshot, loader.guest)
                yield Case("saved", SparseFile.of(snapshot.source), expected=expected)
                room = sum(block.used_length for block in snapshot.blocks)
                first = next(e for e in snapshot.stream.elements if e.kind == "mem_size").offset
                for name, offset in (("odd", room + 1), ("paged", 2 * room - first)):
                    yield Case(name, _contained(snapshot, offset), expected=expected)

    @contextmanager
    def worker(self, folder: Path) -> Iterator[Worker]:
        """A worker that starts one QEMU for each file."""
        with self._loader() as loader:
            yield _Loads(loader, folder / "case.mapped-ram")


class _Loads:
    def __init__(self, loader: QemuLoader, path: Path) -> None:
        self._loader = loader
        self._path = path

    def observe(self, case: Case) -> Observation:
        """Load a file."""
        case.file.store(self._path)
        loaded = self._loader.load(self._path, case.clean.offset, case.expected)
        return observation(loaded)


def observation(loaded: LoadResult) -> Observation:
    """Turn the result of a load into an observation."""
    sign = sign_of(loaded.message)
    if sign:
        return Observation("reports", sign, loaded.message, loaded.seconds)
    ended = signal_of(min(0, loaded.returncode or 0))
    if ended in FROM_OUTSIDE:  # the run is about to end as well
        return Observation("refuses", message=loaded.message, seconds=loaded.seconds)
    return Observation(_KINDS[loaded.outcome], ended, loaded.message, loaded.seconds)


def _fill(idstr: str, fd: int) -> None:  # noqa: ARG001
    """Fill the memory of the guest to be saved: each page holds its number."""
    for start, stop in _runs(system.size_of(fd) // _PAGE_SIZE):
        system.write(fd, pattern(0, start, stop, _PAGE_SIZE).tobytes(), start * _PAGE_SIZE)


def _runs(num_pages: int) -> Iterator[tuple[int, int]]:
    """Runs of pages within, across and filling words of a bitmap, in all parts of a block."""
    for part in range(0, num_pages, num_pages // 4):
        yield from ((part, part + 1), (part + 63, part + 66))
    yield from ((64, 128), (num_pages - 1, num_pages))


def _contained(snapshot: OpenSnapshot, offset: int) -> SparseFile:
    """The snapshot in a file that begins with other bytes."""
    with memory_file() as fd:
        lay_out(snapshot, fd, OutputLayout(offset=offset))
        return replace(
            SparseFile.of_fd(fd, offset), origin=f"{snapshot.source.name} at {offset:#x}"
        )
