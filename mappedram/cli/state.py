"""`mappedram state`: the state of devices, field by field."""

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
    snapshot_option,
    within,
)
from mappedram.cli.status import FINE, UNFINISHED, FailureError, about
from mappedram.format.drivers import DriverName
from mappedram.printable import plural
from mappedram.stream.libvirt import open_any
from mappedram.stream.vmstate import DeviceState, DeviceStates
from mappedram.view.device import device_name, tree


@click.command(
    "state",
    short_help="Show the state of devices, field by field.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram state --device cpu guest.mapped-ram\n"
        "  mappedram state --device cpu/1 --device '*piix4_pm' guest.mapped-ram\n"
        "  mappedram state --output json guest.mapped-ram | jq '.devices[].idstr'",
        "Exit status:\n"
        "  0   success; state that cannot be decoded is shown as bytes\n"
        "  1   the file cannot be parsed to its end, or has no JSON description\n"
        "  63  not a file that this tool handles\n"
        "  64  usage error, or no device matches GLOB",
    ),
)
@file_argument
@click.option(
    "--device",
    "patterns",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_devices,
    help="Show only devices with this name, or name and instance as in cpu/0; * and ? are"
    " wildcards. Can be given more than once.",
)
@snapshot_option
@offset_option
@driver_option
@output_option
def command(
    file: str,
    patterns: tuple[str, ...],
    chosen: str | None,
    offset: int,
    driver: DriverName,
    form: str,
) -> int:
    """Show the state of devices, decoded with the JSON description that QEMU appends to the stream.

    Field names are those of the QEMU that wrote the file. The human-readable output shortens long
    arrays and buffers; the JSON output is complete. State that cannot be decoded is shown as
    bytes, with the reason. Fields that a metadump left out are shown as "(left out)".
    """
    with (
        about(file),
        open_any(within(file, chosen), offset, driver=driver, partial=True) as (snapshot, _),
    ):
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
    """The selected devices, in file order; the configuration comes first."""
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
