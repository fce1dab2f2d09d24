"""The hooks before a commit run the same checks as CI before the tests."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import stages

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".pre-commit-config.yaml"


@pytest.fixture(scope="module")
def hooks() -> dict[str, dict[str, Any]]:
    """The hooks by name."""
    if not CONFIG.exists():
        pytest.skip("not a checkout: an sdist comes without hooks")
    (repository,) = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    return {hook["name"]: hook for hook in repository["hooks"]}


def test_hooks_run_the_commands_of_the_stages(hooks: dict[str, dict[str, Any]]) -> None:
    commands = {stage.name: " ".join(stage.command[1:]) for stage in stages.STAGES}
    assert list(hooks) == ["lint", "format", "types", "generated files"]
    for name, hook in hooks.items():
        assert hook["entry"] == f".venv/bin/python {commands[name]}"


def test_hooks_run_from_the_environment_of_the_checkout(hooks: dict[str, dict[str, Any]]) -> None:
    for hook in hooks.values():
        assert hook["language"] == "system"
        # The commands select files themselves; with names, ruff would check excluded files.
        assert hook["pass_filenames"] is False
    assert len({hook["id"] for hook in hooks.values()}) == len(hooks)
