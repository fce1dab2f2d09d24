"""`mappedram state`: the state of devices, each field by its name."""

from collections.abc import Sequence

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_devices
from mappedram.cli.names import matching
from mappedram.cli.options import (
    driver_option,
    epilog,
    file_argument,
    offset_option,
    output_option,
)
from mappedram.cli.status import FINE, UNFINISHED, FailureError, about
from mappedram.format.drivers import DriverName
from mappedram.printable import plural
from mappedram.stream.libvirt import open_any
from mappedram.stream.vmstate import DeviceState, DeviceStates
from mappedram.view.device import device_name, tree


@click.command(
    "state",
    short_help="The state of devices, each field by its name.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram state --device cpu guest.mapped-ram\n"
        "  mappedram state --device cpu/1 --device '*piix4_pm' guest.mapped-ram\n"
        "  mappedram state --output json guest.mapped-ram | jq '.devices[].idstr'",
        "Exit status:\n"
        "  0   done; what could not be decoded is shown as bytes\n"
        "  1   the file cannot be followed to its end, or describes no devices\n"
        "  63  not a file that this tool handles\n"
        "  64  wrong usage, or no device is like GLOB",
    ),
)
@file_argument
@click.option(
    "--device",
    "patterns",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_devices,
    help="Only devices with this name, or name and instance as in cpu/0, in which * and ? stand for"
    " anything; can be given more than once.",
)
@offset_option
@driver_option
@output_option
def command(
    file: str, patterns: tuple[str, ...], offset: int, driver: DriverName, form: str
) -> int:
    """Show the state of devices, decoded with the JSON text that QEMU appends to it.

    The names are those of the fields in the QEMU that wrote the file. For reading, long arrays and
    buffers are folded; the JSON output has all of them. What cannot be decoded is shown as bytes,
    with the reason. What a metadump left out is shown as "(left out)".
    """
    with about(file), open_any(file, offset, driver=driver, partial=True) as (snapshot, _):
        states = snapshot.state
        devices = _selected(states, patterns)
        if form == "json":
            _show_json(file, states, devices)
        else:
            for device in devices:
                _show(device)
        if snapshot.stream.stopped:
            raise snapshot.stream.stopped
    if states.problem:
        raise FailureError(file, f"{states.problem}; nothing is decoded", UNFINISHED)
    return FINE


def _selected(states: DeviceStates, patterns: Sequence[str]) -> list[DeviceState]:
    """The devices that are asked for, in the order of the file; the configuration comes first."""
    known = [states.configuration, *states] if states.configuration else list(states)
    if not patterns:
        return known
    names = {id(one): (one.idstr, f"{one.idstr}/{one.instance_id}") for one in known}
    return matching("device", patterns, known, lambda one: names[id(one)])


def _show_json(file: str, states: DeviceStates, devices: list[DeviceState]) -> None:
    configuration = next((one for one in devices if one is states.configuration), None)
    output.write_json(
        {
            "file": file,
            "configuration": configuration and configuration.to_json(),
            "devices": (one.to_json() for one in devices if one is not states.configuration),
            "problem": states.problem,
        }
    )


def _show(device: DeviceState) -> None:
    version = "" if device.version_id is None else f"  version {device.version_id}"
    end = device.offset + device.length
    output.line(
        f"{output.styled(device_name(device.idstr, device.instance_id), 'bold')}{version}"
        f"  {device.offset:#x} to {end:#x}, {plural(device.length, 'byte')}"
    )
    for text in tree(device.root):
        output.line(f"  {text}")
    output.line()
