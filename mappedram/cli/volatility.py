"""`mappedram volatility`: where Volatility 3 finds the layer that reads snapshots."""

import json
from importlib.util import find_spec

import click

from mappedram.cli import output
from mappedram.cli.options import epilog, output_option
from mappedram.cli.status import FINE, UNFINISHED
from mappedram.export.volatility import PLUGIN_DIRECTORY


@click.command(
    "volatility",
    short_help="Where Volatility 3 finds the layer that reads snapshots.",
    epilog=epilog(
        "Examples:\n"
        '  vol -p "$(mappedram volatility)" -f guest.mapped-ram banners.Banners\n'
        "  mappedram volatility --output json > ~/.config/volatility3/vol.json",
        "Exit status:\n"
        "  0   done\n"
        "  1   Volatility 3 is not installed beside mappedram\n"
        "  64  wrong usage",
    ),
)
@output_option
def command(form: str) -> int:
    """Print the folder that Volatility's option -p takes.

    With it, Volatility reads snapshots, streams and save images of libvirt as they are. Volatility
    has no other way to learn of layers that are not its own. What `--output json` prints can be put
    into ~/.config/volatility3/vol.json, where Volatility looks for its settings; no -p is needed
    then.
    """
    if find_spec("volatility3") is None:
        output.note(
            "Volatility 3 is not installed where mappedram is, and has to be:"
            " pip install 'mappedram[volatility]'"
        )
        return UNFINISHED
    folder = str(PLUGIN_DIRECTORY)
    output.line(json.dumps({"plugin_dirs": folder}) if form == "json" else folder)
    return FINE
