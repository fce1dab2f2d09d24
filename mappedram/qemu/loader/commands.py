"""Commands: their lengths, and their effects on a load from a file.

Source: QEMU migration/savevm.c, mig_cmd_args, loadvm_process_command().
"""

from dataclasses import dataclass

from mappedram.format.constants import CAPABILITY_X_COLO, CommandType
from mappedram.qemu.loader.destination import HOST_PAGE
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.qemu_file import QemuFile
from mappedram.qemu.loader.releases import ALWAYS, TAKES_COLO, Behaviour, Loader


@dataclass(frozen=True, slots=True)
class CommandRule:
    """One command.

    Attributes:
        length: required length of its data; None if it varies.
        name: as QEMU writes it; some commands have none.
        ends: how the load of a file with mapped-ram ends here; None if it goes on.
        certain: whether that holds for any data of the command.
        known: the releases that know it.
    """

    length: int | None
    name: str
    ends: str | None = None
    certain: bool = True
    known: Behaviour = ALWAYS


#: POSTCOPY_ADVISE carries two page sizes of 8 bytes with `postcopy-ram`.
_ADVISE_LENGTH = 16
#: C prints this for a missing name: mig_cmd_args has none for MIG_CMD_ENABLE_COLO.
_NAMELESS = "(null)"
#: QEMU POSTCOPY_INCOMING_ADVISE.
_ADVISED = 1
#: QEMU calls `POSTCOPY_RESUME` illegal and still goes on. `PACKAGED` holds a stream of its own,
#: which no file with mapped-ram has.
COMMANDS: dict[int, CommandRule] = {
    CommandType.OPEN_RETURN_PATH: CommandRule(0, "OPEN_RETURN_PATH"),
    CommandType.PING: CommandRule(4, "PING"),
    CommandType.POSTCOPY_ADVISE: CommandRule(None, "POSTCOPY_ADVISE"),
    CommandType.POSTCOPY_LISTEN: CommandRule(0, "POSTCOPY_LISTEN", "postcopy-state"),
    CommandType.POSTCOPY_RUN: CommandRule(0, "POSTCOPY_RUN", "postcopy-state"),
    CommandType.POSTCOPY_RAM_DISCARD: CommandRule(None, "POSTCOPY_RAM_DISCARD", "postcopy-state"),
    CommandType.PACKAGED: CommandRule(4, "PACKAGED", "command-refused", certain=False),
    CommandType.ENABLE_COLO: CommandRule(0, _NAMELESS),
    CommandType.POSTCOPY_RESUME: CommandRule(0, "POSTCOPY_RESUME"),
    CommandType.RECV_BITMAP: CommandRule(None, "RECV_BITMAP", "command-refused"),
    CommandType.SWITCHOVER_START: CommandRule(0, "SWITCHOVER_START", known=Behaviour(since="10.0")),
}
#: These releases print another name of the capability if it is off.
_COLO_IS_MISSPELT = Behaviour(until="9.1", basis="read")


@dataclass(slots=True)
class Commands:
    """State that the commands so far have left."""

    local: Local
    has_return_path: bool = False
    #: QEMU POSTCOPY_INCOMING_ADVISE; 0 stands for none.
    postcopy_state: int = 0

    def load(self, file: QemuFile, release: Loader) -> None:
        """Read one command and apply it.

        Raises:
            EndedError: QEMU refuses it.
        """
        at = file.position
        number, length = file.number(2), file.number(2)
        if file.failed:
            raise EndedError("command-cut")
        command = COMMANDS.get(number)
        if command is None:
            raise EndedError("command", at=at, number=number, length=length)
        if not release.does(command.known):
            raise EndedError("command-of-others", at=at, number=number, length=length)
        if command.length is not None and command.length != length:
            expected = command.length
            raise EndedError("command-length", name=command.name, expected=expected, length=length)
        if number == CommandType.POSTCOPY_LISTEN and self.postcopy_state == _ADVISED:
            # QEMU accepts it, and a second thread then reads the same file.
            raise EndedError("postcopy-listen", at=at, certain=False)
        if command.ends:
            name, state, certain = command.name, self.postcopy_state, command.certain
            raise EndedError(command.ends, at=at, certain=certain, name=name, state=state)
        if number == CommandType.POSTCOPY_ADVISE:
            self._advise(file, length)
        elif number == CommandType.PING:
            self._ping(file.number(4))
        elif number == CommandType.ENABLE_COLO:
            self._colo(at, length, release)
        self.has_return_path |= number == CommandType.OPEN_RETURN_PATH

    def _colo(self, at: int, length: int, release: Loader) -> None:
        """With `x-colo`, the guest runs in the end, and the loader waits for a second side.

        Source: QEMU migration/migration.c, migration_incoming_enable_colo().
        """
        if not release.does(TAKES_COLO):
            number = CommandType.ENABLE_COLO
            raise EndedError("command-deprecated", at=at, number=number, length=length)
        if not self.local.wants_colo():
            name = "c-colo" if release.does(_COLO_IS_MISSPELT) else CAPABILITY_X_COLO
            raise EndedError("colo-off", at=at, name=name)

    def _ping(self, data: int) -> None:
        if not self.has_return_path:
            raise EndedError("ping", data=data)

    def _advise(self, file: QemuFile, length: int) -> None:
        """Apply POSTCOPY_ADVISE. Source: loadvm_postcopy_handle_advise()."""
        if self.postcopy_state:
            raise EndedError("postcopy-state", name="POSTCOPY_ADVISE", state=self.postcopy_state)
        self.postcopy_state = _ADVISED
        if length not in (0, _ADVISE_LENGTH):
            raise EndedError("advise-length", length=length)
        wanted = self.local.wants_postcopy(length == _ADVISE_LENGTH)
        if wanted != (length == _ADVISE_LENGTH):
            raise EndedError("advise-0" if wanted else "advise-16")
        if wanted:
            # All page sizes of memory at source and destination; nothing else in the file tells
            # them.
            self.local.assumed |= file.number(8) != HOST_PAGE
            page_size, local = file.number(8), self.local.page_size
            if page_size != local:
                cut = file.failed
                raise EndedError("advise-page-size", cut=cut, received=page_size, local=local)
