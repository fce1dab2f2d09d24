"""What becomes of a file in a loader, and how sure that is."""

from dataclasses import dataclass, field
from typing import Literal

from mappedram.json_types import Json
from mappedram.qemu.loader.releases import Basis

Outcome = Literal["loads", "wrong-memory", "refuses", "crashes", "hangs"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one release makes of one file.

    Attributes:
        outcome: `wrong-memory`: it reports success, but RAM is not what was saved.
        because: codes of the rules that name what is wrong, or of the erratum where it is QEMU that
            is; none where it loads.
        message: what QEMU writes first; None where it says nothing, or where that is not known.
        depends_on_destination: whether it rests on something that the file does not say, such as
            the length of a local block or the memory of the host. That the destination has the
            same machine type, devices and blocks is taken for granted.
        certain: False where a device takes bytes by code of its own, where a page of a stream
            without mapped-ram has had no record, and where an ARM CPU lists its registers.
        basis: how it is known what that release does.
        multifd: the outcome where the file is loaded with the capability `multifd`, which is
            another loader of pages; None of a stream without mapped-ram.
        offset: where in the file the field begins at which the load ends; None where it comes to
            the end of the stream. Two verdicts that differ in this alone are equal.
    """

    outcome: Outcome
    because: tuple[str, ...]
    message: str | None
    depends_on_destination: bool
    certain: bool
    basis: Basis
    multifd: Outcome | None = None
    offset: int | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Json]:
        """The verdict for JSON; `multifd`, `message` and `offset` only where there is one."""
        message = {"message": self.message} if self.message is not None else {}
        multifd = {"multifd": self.multifd} if self.multifd is not None else {}
        offset = {"offset": self.offset} if self.offset is not None else {}
        return {
            "outcome": self.outcome,
            **multifd,
            "because": list(self.because),
            **message,
            **offset,
            "depends_on_destination": self.depends_on_destination,
            "certain": self.certain,
            "basis": self.basis,
        }
