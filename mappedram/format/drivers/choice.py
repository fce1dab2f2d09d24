"""A driver by its name; its library is loaded only when it is asked for."""

from importlib import import_module
from typing import Literal, get_args

from mappedram.errors import UnknownNameError
from mappedram.format.drivers.base import Driver

DriverName = Literal["construct", "kaitai"]
DRIVERS: tuple[DriverName, ...] = get_args(DriverName)


def get(name: DriverName) -> Driver:
    """Return the driver `name`, and import its library only now.

    Raises:
        UnknownNameError: there is no such driver.
    """
    if name not in DRIVERS:
        raise UnknownNameError("driver", name, DRIVERS)
    driver: Driver = import_module(f"mappedram.format.drivers.{name}_driver").DRIVER
    return driver
