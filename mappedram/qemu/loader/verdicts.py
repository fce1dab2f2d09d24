"""What each release does with a file: one simulation for all that would take it alike."""

from mappedram.io.memory_source import MemorySource
from mappedram.io.source import Source
from mappedram.qemu.loader.destination import Destination
from mappedram.qemu.loader.failures import E_SWITCHOVER, E_VAPIC
from mappedram.qemu.loader.pages import Bitmaps
from mappedram.qemu.loader.ram import E_IGNORE_SHARED
from mappedram.qemu.loader.record_cache import Ledgers
from mappedram.qemu.loader.releases import RELEASES
from mappedram.qemu.loader.simulate import Simulation
from mappedram.qemu.loader.verdict import Verdict
from mappedram.stream.snapshot import OpenSnapshot

#: Codes of spec/errata.md that are given as reasons where QEMU is wrong, not the file.
ERRATA = (E_IGNORE_SHARED, E_SWITCHOVER, E_VAPIC)


def verdicts(
    file: OpenSnapshot | Source | bytes, offset: int = 0, destination: Destination | None = None
) -> dict[str, Verdict]:
    """Predict what each release does with a file, by release.

    Args:
        file: an open snapshot, an open file, or the bytes of one.
        offset: where the stream begins; a snapshot knows this itself.
        destination: the QEMU that loads the file; by default one that matches the file.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(file, OpenSnapshot):
        destination = destination or Destination.matching(file)
        source, offset = file.source, file.stream.offset
    else:
        source = MemorySource(file) if isinstance(file, bytes) else file
    destination = destination or Destination()
    bitmaps = Bitmaps(source, destination.byteorder)
    ledgers = Ledgers(source, keep=destination.reference is not None)
    done: list[Simulation] = []
    result = {}
    for name, release in RELEASES.items():
        simulation = next((known for known in done if known.holds_for(release)), None)
        if simulation is None:
            simulation = Simulation(bitmaps, offset, destination, release, ledgers)
            done.append(simulation)
        result[name] = simulation.verdict(release)
    return result
