"""Load one file with the loader of one release.

Source: QEMU migration/savevm.c, qemu_loadvm_state(). Bytes behind EOF have no effect.
"""

from dataclasses import replace

from mappedram.qemu.loader import memory
from mappedram.qemu.loader.configuration import load_header
from mappedram.qemu.loader.destination import Destination
from mappedram.qemu.loader.failures import READ, EndedError
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.pages import Bitmaps
from mappedram.qemu.loader.qemu_file import QemuFile
from mappedram.qemu.loader.ram import RamLoad
from mappedram.qemu.loader.record_cache import Ledgers
from mappedram.qemu.loader.releases import Basis, Loader, Release
from mappedram.qemu.loader.sections import Sections
from mappedram.qemu.loader.stream_kind import StreamKind
from mappedram.qemu.loader.suspicion import Suspicion
from mappedram.qemu.loader.verdict import Verdict


class Simulation:
    """One load, from the header to its end.

    Args:
        bitmaps: of the file.
        offset: where the stream begins.
        destination: the QEMU that loads it.
        release: the release of the loader.
        ledgers: results of the page records from other releases.
    """

    def __init__(
        self,
        bitmaps: Bitmaps,
        offset: int,
        destination: Destination,
        release: Release,
        ledgers: Ledgers | None = None,
    ) -> None:
        source = bitmaps.source
        file = QemuFile(source, offset)
        self._loader = Loader(release)
        self._local = Local(destination, bitmaps, offset)
        ledgers = ledgers or Ledgers(source, keep=destination.reference is not None)
        self._ram = RamLoad(self._local, self._loader, ledgers)
        self.end: EndedError | None = None
        #: Offset of the field where the load ended; None at the end of the stream.
        self._field: int | None = None
        self._suspicion: Suspicion | None = None
        try:
            load_header(file, self._local, self._loader)
            Sections(file, self._local, self._ram).load()
        except EndedError as end:
            self.end = end
            self._field = file.field if end.at is None else end.at
        if self.end is None or self.end.ending.outcome == "loads":
            self._suspicion = memory.judge(self._ram, source, offset, destination)

    def holds_for(self, release: Release) -> bool:
        """Whether another release has the same result."""
        return self._loader.is_like(release)

    @property
    def _basis(self) -> Basis:
        """How the result is known."""
        is_read = self.end is not None and self.end.way in READ
        return "read" if is_read else self._loader.basis

    def verdict(self, release: Release) -> Verdict:
        """The verdict for a release."""
        verdict = self._without_multifd(release)
        if self._local.kind is StreamKind.PLAIN:
            return verdict
        multifd = self.end.multifd if self.end is not None else None
        return replace(verdict, multifd=multifd or verdict.outcome)

    def _without_multifd(self, release: Release) -> Verdict:
        assumed, basis, end = self._local.assumed, self._basis, self.end
        suspicion = self._suspicion
        if suspicion is not None and suspicion.is_wrong:
            codes, certain = suspicion.codes, suspicion.certain
            return Verdict("wrong-memory", codes, None, assumed, certain, basis)
        if end is None or end.ending.outcome == "loads":
            certain = end is None and suspicion is None and not self._local.has_arm_registers
            return Verdict("loads", (), None, assumed, certain, basis)
        erratum = self._ram.erratum
        codes = (erratum,) if erratum else end.codes
        message = end.message(release.name)
        outcome, certain = end.ending.outcome, end.certain
        return Verdict(outcome, codes, message, assumed, certain, basis, offset=self._field)
