"""`mappedram volatility` prints the folder, or why it is useless."""

import json
from pathlib import Path

import pytest

from mappedram.cli import volatility
from mappedram.export.volatility import PLUGIN_DIRECTORY
from tests.cli.conftest import Run


@pytest.mark.parametrize("installed", [True, False])
def test_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    monkeypatch.setattr(volatility, "find_spec", lambda _: object() if installed else None)
    done = run("volatility")
    assert done.status == (0 if installed else 1)
    assert done.out == (f"{PLUGIN_DIRECTORY}\n" if installed else "")
    assert ("pip install 'mappedram[volatility]'" in done.err) is not installed


def test_what_volatility_takes_for_its_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volatility, "find_spec", lambda _: object())
    settings = json.loads(run("volatility", "--output", "json").out)
    assert Path(settings["plugin_dirs"]) == PLUGIN_DIRECTORY
    assert (PLUGIN_DIRECTORY / "mappedram_layers.py").is_file()
