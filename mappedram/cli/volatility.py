"""`mappedram volatility`: print the folder of the Volatility 3 plugin."""

import json
from importlib.util import find_spec

import click

from mappedram.cli import output
from mappedram.cli.options import epilog, output_option
from mappedram.cli.status import FINE, UNFINISHED
from mappedram.export.volatility import PLUGIN_DIRECTORY


@click.command(
    "volatility",
    short_help="Print the folder of the Volatility 3 plugin that reads snapshots.",
    epilog=epilog(
        "Examples:\n"
        '  vol -p "$(mappedram volatility)" -f guest.mapped-ram banners.Banners\n'
        "  mappedram volatility --output json > ~/.config/volatility3/vol.json",
        "Exit status:\n"
        "  0   success\n"
        "  1   Volatility 3 is not installed in the same environment as mappedram\n"
        "  64  usage error",
    ),
)
@output_option
def command(form: str) -> int:
    """Print the folder to pass to Volatility's option -p.

    With this plugin folder, Volatility reads snapshots, streams and libvirt save images without
    conversion. To avoid -p, save the output of `--output json` as
    ~/.config/volatility3/vol.json, Volatility's configuration file.
    """
    if find_spec("volatility3") is None:
        output.note(
            "Volatility 3 is not installed in the same environment as mappedram; run"
            " pip install 'mappedram[volatility]'"
        )
        return UNFINISHED
    folder = str(PLUGIN_DIRECTORY)
    output.line(json.dumps({"plugin_dirs": folder}) if form == "json" else folder)
    return FINE
