"""The sections of a stream, in order, to its end.

Source: QEMU migration/savevm.c, qemu_loadvm_state_main(), qemu_loadvm_section_start_full(),
qemu_loadvm_section_part_end(), check_section_footer().
"""

from dataclasses import dataclass

from mappedram.format.constants import RAM_SECTION_IDSTR, SectionType
from mappedram.qemu.loader import block_migration
from mappedram.qemu.loader.commands import Commands
from mappedram.qemu.loader.destination import DIRTY_BITMAP, Handler
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.hooks import HOOKS, LoadedDevice
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.qemu_file import QemuFile, as_int
from mappedram.qemu.loader.ram import RamLoad
from mappedram.qemu.loader.releases import BLOCK_MIGRATION


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """A handler whose START or FULL section was read."""

    handler: Handler
    section_id: int
    version_id: int


class Sections:
    """Loader of the sections."""

    def __init__(self, file: QemuFile, local: Local, ram: RamLoad) -> None:
        self.file = file
        self.local = local
        self.ram = ram
        self.commands = Commands(local)
        self.entries: dict[Handler, SectionEntry] = {}

    def load(self) -> None:
        """Load the sections up to and including EOF.

        Raises:
            EndedError: QEMU does not reach EOF.
        """
        visited: set[int] = set()
        while True:
            if self.file.position in visited:
                raise EndedError("loop", *self.ram.noticed, at=self.file.position)
            visited.add(self.file.position)
            kind = self.file.number(1)
            if self.file.failed:
                raise EndedError("type-cut", *self.ram.noticed)
            if kind in (SectionType.START, SectionType.FULL):
                self._start(live=kind == SectionType.START)
            elif kind in (SectionType.PART, SectionType.END):
                self._part()
            elif kind == SectionType.COMMAND:
                self.commands.load(self.file, self.ram.release)
            elif kind == SectionType.EOF:
                if self.ram.behind is not None:
                    raise self.ram.behind
                return
            else:
                raise EndedError("section-type", *self.ram.noticed, value=kind)

    def _start(self, *, live: bool) -> None:
        file = self.file
        section_id = file.number(4)
        idstr = file.string()
        if idstr is None:
            raise EndedError("section-name", cut=file.failed, section_id=section_id)
        name_at, instance_at = file.field, file.position
        instance_id, version_id = file.number(4), file.number(4)
        if file.failed:
            raise EndedError("header-of-start-cut")
        handler = self._handler(idstr, instance_id, version_id, live=live)
        if handler is None:
            way = "ram-instance" if idstr == RAM_SECTION_IDSTR else "section"
            at = instance_at if self.local.has_device(idstr) else name_at
            raise EndedError(way, at=at, idstr=idstr, instance_id=instance_id)
        if version_id > handler.version_id:
            version, local = as_int(version_id), handler.version_id
            way = "section-version" if handler.is_ram else "device-version"
            raise EndedError(way, version=version, idstr=idstr, local=local)
        entry = SectionEntry(handler, section_id, version_id)
        self.entries[handler] = entry
        self._payload(entry, "start-cut")

    def _handler(
        self, idstr: str, instance_id: int, version_id: int, *, live: bool
    ) -> Handler | None:
        release = self.ram.release
        if idstr != block_migration.IDSTR:
            return self.local.handler(idstr, instance_id, version_id, release, live=live)
        if not release.does(BLOCK_MIGRATION):
            return None
        self.local.assumed = True  # the disks are assumed
        return (
            block_migration.DISKS
            if block_migration.DISKS.answers(idstr, instance_id, release)
            else None
        )

    def _part(self) -> None:
        section_id = self.file.number(4)
        if self.file.failed:
            raise EndedError("header-of-part-cut")
        entry = self._entry(section_id)
        if entry is None:
            raise EndedError("section-id", section_id=as_int(section_id))
        self._payload(entry, "part-cut")

    def _entry(self, section_id: int) -> SectionEntry | None:
        """Handler of a section_id; a handler without a section so far has the id 0."""
        for handler in self.local.destination.handlers or ():
            entry = self.entries.get(handler, SectionEntry(handler, 0, 0))
            if entry.section_id == section_id:
                return entry
        entries = self.entries.values()
        return next((entry for entry in entries if entry.section_id == section_id), None)

    def _payload(self, entry: SectionEntry, if_cut: str) -> None:
        handler, start = entry.handler, self.file.position
        if handler.is_ram:
            number = as_int(entry.section_id)
            cut = EndedError(if_cut, section_id=number, version=entry.version_id)
            self.ram.section(self.file, entry.version_id, cut)
        elif handler.payload is not None:
            handler.payload.load(self.file, entry.version_id)
        else:
            self._unknown(entry)
        if handler.idstr in HOOKS:
            payload = self.file.source.peek(start, self.file.position - start)
            loaded = LoadedDevice(
                handler.idstr, handler.instance_id, entry.version_id, payload, start
            )
            HOOKS[handler.idstr](loaded, self.ram)
        self._footer(entry)

    def _unknown(self, entry: SectionEntry) -> None:
        """Skip a payload whose length only the file tells."""
        end = self.local.payload_end(self.file.position, entry.handler, entry.section_id)
        if end is None:
            raise EndedError("device-unknown", certain=False)
        if entry.handler == DIRTY_BITMAP:  # of a disk, if the payload is longer than its end marker
            self.local.assumed |= end - self.file.position > 1
        self.file.seek(end)

    def _footer(self, entry: SectionEntry) -> None:
        if not self.local.wants_footer(self.file):
            return
        mark = self.file.number(1)
        if self.file.failed:
            raise EndedError("footer-cut", *self.ram.noticed)
        idstr = entry.handler.idstr
        if mark != SectionType.FOOTER:
            raise EndedError("footer-missing", *self.ram.noticed, idstr=idstr)
        section_id = self.file.number(4)
        if section_id != entry.section_id:
            cut, local = self.file.failed, entry.section_id
            raise EndedError("footer-id", cut=cut, idstr=idstr, received=section_id, local=local)
