"""The decoded state of devices."""

from collections.abc import Iterator
from itertools import islice

from mappedram.html.markup import Markup, join, lines, tag
from mappedram.stream.vmstate import DeviceState, DeviceStates
from mappedram.view.device import device_name, tree
from mappedram.view.text import size

#: Most lines of one device, characters of all, and devices.
_LINES_MAX = 500
_CHARACTERS_MAX = 400_000
_DEVICES_MAX = 500


def devices(states: DeviceStates) -> Markup:
    """A tree for each device, in the order of the file."""
    known = [*([states.configuration] if states.configuration else []), *states]
    return join(
        (
            tag("p", f"{states.problem}; nothing is decoded.") if states.problem else None,
            None if known else tag("p", "The file holds no device."),
            *_trees(known),
        )
    )


def _trees(known: list[DeviceState]) -> Iterator[Markup]:
    left = _CHARACTERS_MAX
    for number, device in enumerate(known):
        if left <= 0 or number == _DEVICES_MAX:
            yield tag("p", f"… {len(known) - number} more devices; `mappedram state` shows all")
            return
        fields = tree(device.root)
        shown = list(islice(fields, _LINES_MAX))
        if next(fields, None) is not None:
            shown.append(f"… `mappedram state --device '{device.idstr}'` shows all")
        left -= sum(map(len, shown))
        yield _device(number, device, shown)


def _device(number: int, device: DeviceState, fields: list[str]) -> Markup:
    version = "" if device.version_id is None else f"version {device.version_id}, "
    summary = tag(
        "summary",
        tag("code", f"{device.offset:#x}"),
        tag("span", device_name(device.idstr, device.instance_id), class_="name k-payload"),
        tag("span", f"{version}{size(device.length)}", class_="size"),
    )
    return tag("details", summary, tag("pre", lines(fields)), id=f"d{number}")
