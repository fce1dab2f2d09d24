"""The save images, as the tests of libvirt have them."""

from tests.libvirt.conftest import samples

__all__ = ["samples"]
