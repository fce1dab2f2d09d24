"""The save images, which are opened from everything, too."""

from tests.stream.libvirt.conftest import samples

__all__ = ["samples"]
