"""Results of QEMU for the cases of `plain_cases.py`: `plain_measured.json`.

    python -m tests.qemu.loader.plain_measured [BINARY]

measures them again.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import mappedram
from mappedram.qemu.loader import Destination
from mappedram.qemu.run.guests import GUESTS
from mappedram.qemu.run.load import LoadResult, QemuLoader, digest_of_snapshot
from tests.qemu.loader.plain_cases import CASES, PlainCase
from tests.qemu.loader.plain_stream import PlainStream
from tools.campaign.seeds import fill
from tools.campaign.trial import MEMORY

_ATTEMPTS = 50
RESULTS = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Measured:
    """Result of QEMU for one case: the outcome, and its first line."""

    outcome: str
    said: str

    @classmethod
    def of(cls, loaded: LoadResult) -> "Measured":
        return cls(loaded.outcome, loaded.message.partition("\n")[0])


def measured() -> dict[str, Measured]:
    """The results, by case."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {name: Measured(*entry) for name, entry in found.items()}


def changed(stream: PlainStream, case: PlainCase) -> bytes:
    """The bytes of a case, made from a good stream."""
    data = case.change(stream)
    return bytes(stream) if data is None else data


@dataclass
class Bench:
    """A QEMU for one guest, and the stream that it saved."""

    loader: QemuLoader
    data: bytes
    memory: bytes
    folder: Path
    destination: Destination

    def load(self, case: PlainCase) -> tuple[Path, LoadResult]:
        """Load the stream of a case; also return its path."""
        path = self.folder / case.name
        path.write_bytes(changed(PlainStream.parse(self.data), case))
        return path, self.loader.load(path, 0, self.memory)


@contextmanager
def bench(binary: Path, guest: str, folder: Path) -> Iterator[Bench]:
    """A bench, with the destination that has the guest and its expected memory."""
    machine = replace(GUESTS[guest], capabilities=())
    path = folder / f"good-{guest}"
    with QemuLoader(binary, machine) as loader:
        _save(loader, path)
        with mappedram.open(path) as snapshot:
            known = Destination.of(snapshot, memory=MEMORY)
            destination = replace(known, reference=snapshot, watched=frozenset(machine.blocks))
            memory = digest_of_snapshot(snapshot, machine)
            yield Bench(loader, path.read_bytes(), memory, folder, destination)


def _save(loader: QemuLoader, path: Path) -> None:
    """Save with all pages in one section: on a busy machine, QEMU may use several."""
    for _ in range(_ATTEMPTS):
        loader.save(path, fill)
        sections = PlainStream.parse(path.read_bytes()).ram
        if sum(len(section.records) > 1 for section in sections) == 1:
            return
    raise RuntimeError(f"no stream with all pages in one section in {_ATTEMPTS} attempts")


def main() -> None:
    binary = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/qemu-system-x86_64")
    found: dict[str, tuple[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for guest in dict.fromkeys(case.guest for case in CASES):
            with bench(binary, guest, Path(folder)) as made:
                for case in CASES:
                    if case.guest == guest:
                        result = Measured.of(made.load(case)[1])
                        found[case.name] = (result.outcome, result.said)
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in found.items())
    RESULTS.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
