"""The two drivers, `construct` and `kaitai`: independent parsers and builders of structures.

A driver translates between the bytes and the values of one structure; `compared` runs both.
Whatever spans several structures belongs in `format/file` and `stream`.
"""

from mappedram.format.drivers.choice import DRIVERS, DriverName, get

__all__ = ["DRIVERS", "DriverName", "get"]
