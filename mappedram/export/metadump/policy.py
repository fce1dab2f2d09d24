"""The fields of devices that a metadump keeps: a table, and defaults for all others.

A field that can hold bytes of the guest is left out unless it is known to be harmless: registers of
CPUs, buffers, queues, undescribed types. Counters, switches and names are kept.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from mappedram.errors import BuildError

#: How much device state is kept: only its framing, as the table says, or all of it.
StateChoice = Literal["none", "default", "all"]

#: A longer row of integers, in bytes, may be a queue or a register file.
ROW_MAX = 16
#: Types of single numbers, switches or times, in any device.
_PLAIN = re.compile(r"(u?int(8|16|32|64)( equal| le)?|bool|timer|powered_off|fd)\Z")


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """Fields that are kept or left out by name, with a reason."""

    device: str
    field: str
    kept: bool
    reason: str


#: The first entry that matches counts. `*` stands for any characters, `?` for one; a device is
#: named by its idstr, or by the part behind the last `/`.
ENTRIES: tuple[PolicyEntry, ...] = (
    PolicyEntry("configuration", "*", True, "machine type and capabilities"),
    PolicyEntry("globalstate", "runstate", True, "the word for the run state, such as `running`"),
    PolicyEntry("cpu_common", "*", True, "whether a CPU is halted"),
    PolicyEntry("cpu", "env.mp_state", True, "whether a CPU runs"),
    PolicyEntry("cpu", "*version*", True, "a number that says which fields follow"),
    PolicyEntry("cpu*", "*", False, "registers: keys, addresses of the kernel, vectors of ciphers"),
    PolicyEntry("kvm-tpr-opt", "*", True, "addresses in the option ROM, no data"),
    PolicyEntry(
        "*", "*.config", True, "PCI configuration space: identifiers and addresses of BARs"
    ),
    PolicyEntry("apic", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("ioapic", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("i8259", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("arm_gic*", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("ics", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("riscv_sifive_plic", "*", True, "interrupt controller: vectors and masks"),
    PolicyEntry("i8254", "*", True, "timer"),
    PolicyEntry("hpet", "*", True, "timer"),
    PolicyEntry("dma", "*", True, "addresses and counts, no data"),
    PolicyEntry("PCIBUS", "*", True, "levels of interrupt lines"),
    PolicyEntry("virtio-mem*", "*", True, "which memory is plugged"),
    PolicyEntry("serial", "*.rbr", False, "a character that was received"),
    PolicyEntry("serial", "*.thr", False, "a character that is to be sent"),
    PolicyEntry("serial", "*.tsr", False, "a character that is being sent"),
    PolicyEntry("serial", "*.scr", False, "a byte that the guest left there"),
    PolicyEntry("*uart*", "*", False, "characters on a line"),
    PolicyEntry("pl011", "*fifo*", False, "characters on a line"),
    PolicyEntry("pckbd*", "*data", False, "a key that was pressed"),
    PolicyEntry("ps2*", "*queue*", False, "keys that were pressed"),
    PolicyEntry("*kbd", "*", False, "keys that were pressed"),
    PolicyEntry("vmmouse", "*", False, "where the pointer was"),
    PolicyEntry("tpm*", "*", False, "commands to a TPM, with keys and passwords"),
    PolicyEntry("*crypto*", "*", False, "keys"),
    PolicyEntry("*efuse*", "*", False, "keys"),
    PolicyEntry("*bbram*", "*", False, "keys"),
    PolicyEntry("*rng*", "*", False, "random numbers from which keys are made"),
    PolicyEntry("*trng*", "*", False, "random numbers from which keys are made"),
    PolicyEntry("vmgenid", "*", False, "identity of the guest"),
)


def glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with `*` and `?`; brackets are literal, as names of fields have them."""
    marks = {"*": ".*", "?": "."}
    return re.compile("".join(marks.get(c) or re.escape(c) for c in pattern) + r"\Z", re.DOTALL)


_glob = lru_cache(maxsize=None)(glob)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Argument of `--blank` and `--keep`: `DEVICE:FIELD`."""

    device: str
    field: str

    @classmethod
    def of(cls, text: str) -> "Pattern":
        """Parse a pattern; the field is behind the last colon.

        Raises:
            BuildError: there is no colon, or nothing on one side of it.
        """
        device, colon, name = text.rpartition(":")
        if not (colon and device and name):
            raise BuildError(f"{text!r}: expected DEVICE:FIELD, such as 'cpu:env.regs*'")
        return cls(device, name)

    def fits(self, idstr: str, path: str) -> bool:
        """Whether the pattern matches a field."""
        return _is_device(self.device, idstr) and bool(_glob(self.field).match(path))


def _is_device(pattern: str, idstr: str) -> bool:
    found = _glob(pattern)
    return bool(found.match(idstr) or found.match(idstr.rpartition("/")[2]))


@dataclass(frozen=True)
class Policy:
    """What is kept of device state. `blank` overrides `keep`, and both override the table."""

    state: StateChoice = "default"
    blank: tuple[Pattern, ...] = ()
    keep: tuple[Pattern, ...] = ()
    _entries: dict[str, tuple[PolicyEntry, ...]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, state: StateChoice = "default", blank: Iterable[str] = (), keep: Iterable[str] = ()
    ) -> "Policy":
        """Parse the patterns of a command line. Raises as `Pattern.of` does."""
        return cls(state, tuple(map(Pattern.of, blank)), tuple(map(Pattern.of, keep)))

    @property
    def has_patterns(self) -> bool:
        """Whether elements of one array can be treated differently."""
        return bool(self.blank or self.keep)

    def keeps(self, idstr: str, path: str, kind: str, row_length: int) -> bool:
        """Whether a field is kept.

        Args:
            idstr: of its device.
            path: its name in the state of the device.
            kind: name of its wire type.
            row_length: bytes of the array that it is an element of, or its own.
        """
        if any(pattern.fits(idstr, path) for pattern in self.blank):
            return False
        if any(pattern.fits(idstr, path) for pattern in self.keep):
            return True
        if self.state != "default":
            return self.state == "all"
        return self._by_table(idstr, path, kind, row_length)

    def _by_table(self, idstr: str, path: str, kind: str, row_length: int) -> bool:
        if kind == "undecoded":
            return False
        if idstr not in self._entries:
            self._entries[idstr] = tuple(e for e in ENTRIES if _is_device(e.device, idstr))
        plain = re.sub(r"\[[0-9]+\]", "", path)
        for entry in self._entries[idstr]:
            if _glob(entry.field).match(plain):
                return entry.kept
        return bool(_PLAIN.match(kind)) and row_length <= ROW_MAX
