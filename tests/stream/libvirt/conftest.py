"""The save images, unpacked once."""

import pytest

from tests.stream.libvirt.samples import Samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The images that a real libvirt wrote. Tests must not change them; copy first."""
    return Samples(tmp_path_factory.mktemp("libvirt"))
