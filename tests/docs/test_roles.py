"""Each role has a page with five commands, and the help of the command leads to the same steps.

The transcripts on the pages are run by `test_transcripts.py`, those in Python by `test_python.py`.
"""

import re

import pytest

from mappedram.check.libvirt_messages import MESSAGES
from mappedram.cli.main import _VERBS
from tests.cli.conftest import Run
from tools.docs import libvirt, site, transcripts
from tools.docs.site import DOCS

ROLES = [name for name in site.GROUPS["Start"] if name.startswith("for-")]


def test_there_are_five_roles() -> None:
    words = ("qemu-developers", "operators", "parser-authors", "kernel-engineers", "python-users")
    assert [f"for-{word}" for word in words] == ROLES


@pytest.mark.parametrize("name", ROLES)
def test_a_role_has_five_commands_that_are_run(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    head, *steps = re.split(r"^\*\*\d\. ", page.partition("## Next")[0], flags=re.MULTILINE)
    assert len(steps) == 5
    assert all(re.search(r"^```(console|pycon)$", step, re.MULTILINE) for step in steps)
    if name != "for-python-users":
        assert DOCS / f"{name}.md" in transcripts.PAGES
    assert not re.search(r"^```(?!console$|pycon$|$)", page, re.MULTILINE), "not run"
    assert "## Next" in page
    assert head


def test_the_help_of_the_command_leads_to_the_first_steps(run: Run) -> None:
    text = run("--help").out
    steps = text.partition("First steps:\n")[2].partition("\n\n")[0].splitlines()
    verbs = re.findall(r" mappedram ([\w-]+)", "\n".join(steps))
    assert len(verbs) == len(steps) - 1, "and one for Python"
    assert set(verbs) <= set(_VERBS)
    assert max(map(len, text.splitlines())) <= 80


def test_every_message_of_libvirt_is_on_its_page() -> None:
    page = dict(site.pages())["libvirt"]
    assert libvirt.with_table("<!-- table: libvirt -->") in page
    assert page.count("\n| ") == len(MESSAGES) + 1
