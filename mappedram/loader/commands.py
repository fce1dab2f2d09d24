"""Commands: what each demands, and what it does to a load from a file.

Source: QEMU migration/savevm.c, mig_cmd_args, loadvm_process_command().
"""

from dataclasses import dataclass

from mappedram.layout.constants import CommandType
from mappedram.loader.endings import EndedError
from mappedram.loader.file import QemuFile


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        length: what it has to have; None where that varies.
        ends: how a load ends that reads a file with mapped-ram; None where it goes on.
        certain: whether that is so whatever the command says.
    """

    length: int | None
    ends: str | None = None
    certain: bool = True


#: Bytes of two page sizes, which POSTCOPY_ADVISE carries with `postcopy-ram`.
_ADVISE_LENGTH = 16
#: `POSTCOPY_RESUME` is called illegal and passed all the same. What `PACKAGED` holds is a stream of
#: its own, which no file with mapped-ram has.
COMMANDS: dict[int, Command] = {
    CommandType.OPEN_RETURN_PATH: Command(0),
    CommandType.PING: Command(4),
    CommandType.POSTCOPY_ADVISE: Command(None),
    CommandType.POSTCOPY_LISTEN: Command(0, "postcopy-state"),
    CommandType.POSTCOPY_RUN: Command(0, "postcopy-state"),
    CommandType.POSTCOPY_RAM_DISCARD: Command(None, "postcopy-state"),
    CommandType.PACKAGED: Command(4, "command-refused", certain=False),
    CommandType.ENABLE_COLO: Command(0, "command-refused"),
    CommandType.POSTCOPY_RESUME: Command(0),
    CommandType.RECV_BITMAP: Command(None, "command-refused"),
    CommandType.SWITCHOVER_START: Command(0),
}


@dataclass(slots=True)
class Commands:
    """What commands have done so far."""

    has_return_path: bool = False
    #: QEMU POSTCOPY_INCOMING_ADVISE; 0 stands for none.
    postcopy_state: int = 0

    def load(self, file: QemuFile) -> None:
        """Read one command and do as it says.

        Raises:
            EndedError: QEMU refuses it.
        """
        number, length = file.number(2), file.number(2)
        if file.failed:
            raise EndedError("end-of-file")
        command = COMMANDS.get(number)
        if command is None:
            raise EndedError("command", number=number, length=length)
        name = CommandType(number).name
        if command.length is not None and command.length != length:
            raise EndedError("command-length", name=name, expected=command.length, length=length)
        if command.ends:
            state = self.postcopy_state
            raise EndedError(command.ends, certain=command.certain, name=name, state=state)
        if number == CommandType.POSTCOPY_ADVISE:
            self._advise(length)
        elif number == CommandType.PING:
            self._ping(file.number(4))
        self.has_return_path |= number == CommandType.OPEN_RETURN_PATH

    def _ping(self, data: int) -> None:
        if not self.has_return_path:
            raise EndedError("ping", data=data)

    def _advise(self, length: int) -> None:
        """Source: loadvm_postcopy_handle_advise()."""
        if self.postcopy_state:
            raise EndedError("postcopy-state", name="POSTCOPY_ADVISE", state=self.postcopy_state)
        self.postcopy_state = 1
        if length == _ADVISE_LENGTH:
            raise EndedError("advise-16")
        if length:
            raise EndedError("advise-length", length=length)
