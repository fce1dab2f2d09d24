"""The two drivers, `construct` and `kaitai`: independent parsers and builders of structures.

A driver translates between the bytes and the values of one structure; `compared` asks both. What
takes more than one structure belongs in `format/file` and `stream`.
"""

from importlib import import_module
from typing import Literal, get_args

from mappedram.errors import UnknownNameError
from mappedram.format.drivers.base import Driver

DriverName = Literal["construct", "kaitai"]
DRIVERS: tuple[DriverName, ...] = get_args(DriverName)


def get(name: DriverName) -> Driver:
    """The driver of that name; its library is loaded only now.

    Raises:
        UnknownNameError: there is no such driver.
    """
    if name not in DRIVERS:
        raise UnknownNameError("driver", name, DRIVERS)
    driver: Driver = import_module(f"mappedram.format.drivers.{name}_driver").DRIVER
    return driver
