"""The guests, booted once, and the exports of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import process
from tools.linux import Guest, Unavailable, guest

Guests = Callable[[str], Guest]
Export = Callable[..., Path]


@pytest.fixture(scope="session")
def guests() -> Guests:
    """A guest by name; booting it takes a quarter of a minute, and is done once."""

    def booted(name: str) -> Guest:
        try:
            return guest(name)
        except Unavailable as reason:
            pytest.skip(str(reason))

    return booted


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """What `mappedram convert` makes of a file of a guest, made once."""
    folder = tmp_path_factory.mktemp("exports")

    def exported(form: str, path: Path, *options: str) -> Path:
        target = folder / f"{path.parent.name}-{path.name}.{form}"
        if not target.exists():
            done = process("convert", "-O", form, *options, path, target)
            assert done.returncode == 0, done.stderr
        return target

    return exported
