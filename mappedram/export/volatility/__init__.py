"""A layer for Volatility 3: it reads guest memory out of snapshots as they are.

    vol -p "$(mappedram volatility)" -f guest.mapped-ram banners.Banners

Volatility imports what lies in the folders given by `-p`, and tries what it finds there on the
file. It has no other way to learn of layers that are not its own.
"""

from pathlib import Path

#: The folder for `vol -p`. All that lies in it is imported as a plugin, so nothing else may.
PLUGIN_DIRECTORY = Path(__file__).parent / "plugins"
