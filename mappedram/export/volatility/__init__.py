"""A layer for Volatility 3 that reads guest memory from a snapshot as it is.

    vol -p "$(mappedram volatility)" -f guest.mapped-ram banners.Banners

Volatility imports whatever lies in the folders given by `-p`, and tries what it finds there on the
file; it has no other way to learn of a layer. So only the plugin itself belongs in `plugins`.
Finding memory by its address belongs in `guest/physical`.
"""

from mappedram.export.volatility.directory import PLUGIN_DIRECTORY

__all__ = ["PLUGIN_DIRECTORY"]
