"""The guests, booted once, and their exports."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import process
from tools.linux import Guest, Unavailable, guest

Guests = Callable[[str], Guest]
Export = Callable[..., Path]


@pytest.fixture(scope="session")
def guests() -> Guests:
    """A guest by name; it is booted once, which takes a quarter of a minute."""

    def booted(name: str) -> Guest:
        try:
            return guest(name)
        except Unavailable as reason:
            pytest.skip(str(reason))

    return booted


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """An export of a file of a guest by `mappedram convert`, made once."""
    folder = tmp_path_factory.mktemp("exports")

    def exported(form: str, path: Path, *options: str) -> Path:
        target = folder / f"{path.parent.name}-{path.name}.{form}"
        if not target.exists():
            done = process("convert", "-O", form, *options, path, target)
            assert done.returncode == 0, done.stderr
        return target

    return exported
