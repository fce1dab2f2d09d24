"""One printed option, with the parts of the file that it covers; and options under construction."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mappedram.guest.restore.items import Item, Remaining
from mappedram.json_types import Json
from mappedram.stream.model import RamBlock


@dataclass(frozen=True, slots=True)
class Part:
    """Arguments of the command line that belong together.

    Attributes:
        argv: the arguments: an option, preceded by those of its backends.
        covers: the sections and blocks that load into what it creates.
        notes: what the file does not tell about it, as sentences.
    """

    argv: tuple[str, ...]
    covers: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The option itself, without its backends."""
        return " ".join(self.argv[-2:])

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        return {
            "option": self.option,
            "argv": list(self.argv),
            "covers": [item.to_dict() for item in self.covers],
            "notes": list(self.notes),
        }


@dataclass
class Workshop:
    """What the options under construction share.

    Attributes:
        remaining: the items that no option covers yet.
        cpus: number of virtual CPUs.
        spare: blocks of memory backends that are not main memory; a device may take one.
        prepare: commands to run first.
    """

    remaining: Remaining
    cpus: int
    spare: list[RamBlock] = field(default_factory=list)
    prepare: list[tuple[str, ...]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def name(self, prefix: str) -> str:
        """A new id for a backend."""
        number = self._counts.get(prefix, 0)
        self._counts[prefix] = number + 1
        return f"{prefix}{number}"

    def number(self, what: str) -> int:
        """The next number, from 1 on."""
        return int(self.name(what).removeprefix(what)) + 1


@dataclass
class DeviceOption:
    """A `-device` option under construction.

    Attributes:
        shop: what it shares with others.
        device: name of the device.
        options: its properties, in order.
        before: arguments that create its backends.
        covers: the items that it covers.
        notes: what the file does not tell.
    """

    shop: Workshop
    device: str
    options: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    covers: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def part(self) -> Part:
        """The finished option."""
        text = ",".join([self.device, *self._properties()])
        return Part((*self.before, "-device", text), tuple(self.covers), tuple(self.notes))

    def cover(self, items: tuple[Item, ...]) -> None:
        """Add items that it covers."""
        self.covers += items

    def backend(self, kind: str) -> str | None:
        """Create a backend of a kind; its id, or None if the device does without.

        A backend stands in for the real one, which the file does not tell.
        """
        return _BACKENDS[kind](self)

    def _properties(self) -> Iterator[str]:
        for name, value in self.options.items():
            escaped = value.replace(",", ",,")
            yield f"{name}={escaped}"


def _character(draft: DeviceOption) -> str:
    return _made(draft, "-chardev", "null", "char", "what is connected to it (-chardev)")


def _sound(draft: DeviceOption) -> str:
    return _made(draft, "-audiodev", "none", "audio", "the sound of the host (-audiodev)")


def _disk(draft: DeviceOption) -> str:
    name = draft.shop.name("disk")
    size = draft.options.pop("disk size", str(1 << 30))
    draft.before += [
        "-blockdev",
        f"driver=null-co,node-name={name},size={size},read-zeroes=on",
    ]
    draft.notes.append(f"its disk; {name} is empty and stands in for it")
    return name


def _network(draft: DeviceOption) -> str | None:
    """User networking has a section; other backends leave no trace."""
    slirp = draft.shop.remaining.take_first("slirp")
    if not slirp:
        draft.notes.append("its network (-netdev)")
        return None
    name = draft.shop.name("net")
    draft.before += ["-netdev", f"user,id={name}"]
    draft.cover(slirp)
    return name


def _management(draft: DeviceOption) -> str:
    name = draft.shop.name("bmc")
    draft.before += ["-device", f"ipmi-bmc-sim,id={name}"]
    return name


def _tpm(draft: DeviceOption) -> str:
    """The state of the TPM is in the file; a new swtpm takes it."""
    name = draft.shop.name("tpm")
    socket = f"{name}.sock"
    # A daemon changes to /, so the folder needs a full path.
    daemon = (
        "swtpm socket --tpm2 --daemon --terminate"
        f' --tpmstate dir="$PWD/{name}" --ctrl type=unixio,path="$PWD/{socket}"'
    )
    draft.shop.prepare += [("mkdir", "-p", name), ("sh", "-c", daemon)]
    draft.before += ["-chardev", f"socket,id={name}-char,path={socket}"]
    draft.before += ["-tpmdev", f"emulator,id={name},chardev={name}-char"]
    draft.notes.append("the version of the TPM; for 1.2, run swtpm without --tpm2")
    return name


def _made(draft: DeviceOption, option: str, driver: str, prefix: str, note: str) -> str:
    name = draft.shop.name(prefix)
    draft.before += [option, f"{driver},id={name}"]
    draft.notes.append(note)
    return name


_BACKENDS = {
    "chardev": _character,
    "audiodev": _sound,
    "drive": _disk,
    "netdev": _network,
    "bmc": _management,
    "tpm": _tpm,
}
