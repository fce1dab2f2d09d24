"""The module that Volatility imports; it finds the stacker by its base class."""

from mappedram.export.volatility.layer import MappedRamLayer
from mappedram.export.volatility.stacker import MappedRamStacker

__all__ = ["MappedRamLayer", "MappedRamStacker"]
