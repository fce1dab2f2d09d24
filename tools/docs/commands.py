"""The page of the command line, from the commands themselves."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from textwrap import dedent

import click

from mappedram.cli.main import cli

#: Code, or something in plain text that Markdown would change: an option, a star.
_PLAIN = re.compile(r"(`[^`]*`)|(?<![\w-])(--?[a-z][\w-]*)|\*")


def page() -> str:
    """Every verb with its options."""
    parts = ["# Command line"]
    # Without its settings, click forgets for the rest of the process that -h is accepted, too.
    root = click.Context(cli, info_name="mappedram", **cli.context_settings)
    for command, context in walk(cli, root):
        parts += _paragraphs(command, context)
    return "\n\n".join(parts) + "\n"


def walk(
    command: click.Command, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """A command, and all its subcommands."""
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, click.Context(inner, context, name))


def _paragraphs(command: click.Command, context: click.Context) -> Iterator[str]:
    name = context.command_path
    yield f'<a id="{name.replace(" ", "-")}"></a>'
    yield f"## {name}"
    yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield _text(command.help or "")
    rows = [_option(param, context) for param in command.params if isinstance(param, click.Option)]
    if rows:
        yield "\n".join(("| option | meaning |", "|---|---|", *rows))
    # A paragraph that begins with \b keeps its lines: examples, exit statuses.
    for paragraph in command.epilog.split("\n\n") if command.epilog else ():
        yield _block(*paragraph.removeprefix("\b\n").split("\n", 1))


def _block(title: str, text: str = "") -> str:
    """Statuses and other lists of words as a table, examples as commands, the rest as it is."""
    lines = dedent(text)
    rows = [re.fullmatch(r"(\d+) {2,}(\S.*)", line) for line in _joined(lines)]
    if rows and all(rows):
        cells = (f"| {row[1]} | {row[2]} |" for row in rows if row)
        return "\n".join((title, "", "| status | meaning |", "|---|---|", *cells))
    kind = "sh" if title == "Examples:" else "text"
    return f"{title}\n\n```{kind}\n{lines}\n```" if lines else title


def _joined(text: str) -> list[str]:
    """Lines, each with those below it that are indented."""
    return re.sub(r"\n\s+", " ", text).splitlines()


def _text(help_text: str) -> str:
    """The help as paragraphs of Markdown, without marks for terminals."""
    text = cleandoc(help_text).replace("\b\n", "").replace("\f", "").strip()
    return _with_code(text)


def _with_code(text: str) -> str:
    """Options as code, and stars as they are; code stays code."""
    return _PLAIN.sub(lambda match: match[1] or (f"`{match[2]}`" if match[2] else "\\*"), text)


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None, f"{option.name} is not shown in the help"
    names, meaning = (" ".join(text.replace("|", "\\|").split()) for text in record)
    return f"| `{names}` | {_with_code(meaning)} |"
