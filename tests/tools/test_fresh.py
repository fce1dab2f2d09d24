"""The parts of `tools/fresh` that can be tested without making a Debian."""

from pathlib import Path

import pytest

from tools import fresh


def test_the_commands_are_those_of_the_readme() -> None:
    found = fresh.commands((fresh.ROOT / "README.md").read_text())
    assert found == ["tools/demo", "tools/test"]
    assert all((fresh.ROOT / command).stat().st_mode & 0o111 for command in found)


def test_a_readme_without_commands_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        fresh.commands("# mappedram\n")


def test_only_settings_of_package_sources_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "trusted").touch()
    outer = {
        "PIP_INDEX_URL": "file:index",
        "UV_DEFAULT_INDEX": "file:index",
        "GOPROXY": "off",
        "SSL_CERT_FILE": "/etc/trusted",
        "PIP_FIND_LINKS": "/etc/missing",
        "https_proxy": "proxy:3128",
        "PYTHONPATH": "/etc",
        "VIRTUAL_ENV": "/etc",
        "LANG": "tr_TR.UTF-8",
        "HOME": "/etc",
    }
    taken = dict(item.split("=") for item in fresh.environment(tmp_path, outer))
    assert taken.pop("HOME") == fresh.HOME
    assert taken.keys() - {"PATH", "TERM"} == {
        "PIP_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "GOPROXY",
        "SSL_CERT_FILE",
        "https_proxy",
    }


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        (
            "trixie",
            [
                "deb http://a/ trixie main",
                "deb http://a/ trixie-updates main",
                "deb http://s/ trixie-security main",
            ],
        ),
        ("sid", ["deb http://a/ sid main"]),
    ],
)
def test_apt_uses_the_archives_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, suite: str, expected: list[str]
) -> None:
    listed = "Debian\thttp://a/\nDebian-Security\thttp://s/\nDebian Backports\thttp://b/\n"
    monkeypatch.setattr(fresh, "_output", lambda _: listed)
    assert fresh.sources(suite).splitlines() == expected


def test_a_machine_without_an_archive_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh, "_output", lambda _: "Other\thttp://o/\n")
    with pytest.raises(RuntimeError, match="no archive of Debian"):
        fresh.sources("sid")
