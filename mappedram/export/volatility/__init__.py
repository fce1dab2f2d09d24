"""A layer for Volatility 3 that reads guest memory directly from a snapshot.

    vol -p "$(mappedram volatility)" -f guest.mapped-ram banners.Banners

Volatility imports everything in the folders given by `-p`, and tries the layers it finds there on
the file; there is no other way to register a layer. So only the plugin itself belongs in `plugins`.
Finding memory by its address belongs in `guest/physical`.
"""

from mappedram.export.volatility.directory import PLUGIN_DIRECTORY

__all__ = ["PLUGIN_DIRECTORY"]
