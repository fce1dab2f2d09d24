"""The result of a load, and how sure it is."""

from dataclasses import dataclass, field
from typing import Literal

from mappedram.json_types import Json
from mappedram.qemu.loader.releases import Basis

Outcome = Literal["loads", "wrong-memory", "refuses", "crashes", "hangs"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of loading one file with one release.

    Attributes:
        outcome: `wrong-memory`: QEMU reports success, but RAM is not what was saved.
        because: codes of the rules that name the defect, or of the erratum if QEMU is wrong; empty
            if the file loads.
        message: QEMU's first message; None if there is none, or if it is unknown.
        depends_on_destination: whether the result depends on something outside the file, such as
            the length of a local block or the memory of the host. The destination is always assumed
            to have the same machine type, devices and blocks.
        certain: False if a device reads bytes by code of its own, if a page of a stream without
            mapped-ram has no record, or if an ARM CPU lists its registers.
        basis: how the behaviour of the release is known.
        multifd: outcome with the capability `multifd`, which has another loader of pages; None for
            a stream without mapped-ram.
        offset: file offset of the field where the load ends; None if it reaches the end of the
            stream. It does not count when two verdicts are compared.
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
        """The verdict for JSON; `multifd`, `message` and `offset` only if there is one."""
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
