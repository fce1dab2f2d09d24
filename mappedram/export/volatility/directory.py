"""Where Volatility finds the plugin."""

from pathlib import Path

#: The folder for `vol -p`. All that lies in it is imported as a plugin, so nothing else may.
PLUGIN_DIRECTORY = Path(__file__).parent / "plugins"
