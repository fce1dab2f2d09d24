"""What Volatility imports: having been imported, the stacker is found by its base class."""

from mappedram.export.volatility.layer import MappedRamLayer
from mappedram.export.volatility.stacker import MappedRamStacker

__all__ = ["MappedRamLayer", "MappedRamStacker"]
