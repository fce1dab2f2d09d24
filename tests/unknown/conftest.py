"""The save images of libvirt stand beside the fixtures here."""

from tests.libvirt.conftest import samples

__all__ = ["samples"]
