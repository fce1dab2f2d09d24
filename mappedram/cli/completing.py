"""Values that a shell can complete: names that the file on the command line has, and codes.

Whatever goes wrong is no completion: nobody wants a message in the middle of a line.
"""

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

import click

from mappedram.errors import MappedRamError
from mappedram.io.opening import DiskImage

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: What completes the value of an option: the context, its parameter, and what is typed of it.
Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _beginning(words: Iterable[tuple[str, str]], typed: str) -> "list[CompletionItem]":
    """The words, each with its meaning, that begin as was typed."""
    from click.shell_completion import CompletionItem  # only a shell that completes needs it

    found = dict(one for one in words if one[0].startswith(typed))
    return [CompletionItem(word, help=meaning or None) for word, meaning in found.items()]


def _from_file(names: Callable[[str | DiskImage, int], Iterable[tuple[str, str]]]) -> Completer:
    """A completer that asks the file on the command line."""

    def complete(
        context: click.Context, _parameter: click.Parameter, typed: str
    ) -> "list[CompletionItem]":
        offset = context.params.get("offset")
        snapshot = context.params.get("chosen")
        for file in _candidates(context):
            image = file if snapshot is None else DiskImage(file, snapshot)
            try:
                return _beginning(names(image, offset if isinstance(offset, int) else 0), typed)
            except (MappedRamError, OSError):
                continue
        return []

    return complete


def _candidates(context: click.Context) -> Iterable[str]:
    """What may be the file: the argument, or any word of the line, as it may come later."""
    import shlex

    file = context.params.get("file")
    if isinstance(file, str):
        yield file
    try:
        words = shlex.split(os.environ.get("COMP_WORDS", ""))
    except ValueError:  # a quotation that is not at its end
        return
    yield from (word for word in words[1:] if not word.startswith("-"))


def _blocks(file: str | DiskImage, offset: int) -> Iterable[tuple[str, str]]:
    from mappedram.stream.libvirt import open_any
    from mappedram.view.text import size

    with open_any(file, offset, partial=True) as (snapshot, _):
        return [(block.idstr, size(block.used_length)) for block in snapshot.blocks]


def complete_snapshots(
    context: click.Context, _parameter: click.Parameter, typed: str
) -> "list[CompletionItem]":
    """The names of the internal snapshots in a qcow2 image."""
    from mappedram.io.opening import internal_snapshots
    from mappedram.view.text import size

    for file in _candidates(context):
        try:
            found = internal_snapshots(file)
        except (MappedRamError, OSError):
            continue
        return _beginning(((one.name, size(one.vm_state_size)) for one in found), typed)
    return []


def _devices(file: str | DiskImage, offset: int) -> Iterable[tuple[str, str]]:
    from mappedram.stream.libvirt import open_any

    with open_any(file, offset, partial=True) as (snapshot, _):
        found = [(one.idstr, one.instance_id) for one in snapshot.state]
    names = [name for name, _ in found]
    return [
        (f"{name}/{instance}" if names.count(name) > 1 else name, "") for name, instance in found
    ]


def _regions(file: str | DiskImage, offset: int) -> Iterable[tuple[str, str]]:
    from mappedram.stream.libvirt import open_any, regions_of

    with open_any(file, offset, partial=True) as (snapshot, image):
        return [(region.name, region.path) for region in regions_of(snapshot, image)]


def complete_codes(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> "list[CompletionItem]":
    """The codes of rules, and what they begin with."""
    from mappedram.check import RULES

    bands = dict.fromkeys(code[:3] for code in RULES)
    return _beginning(
        [*((band, "all of its rules") for band in bands), *_named_rules()], typed.upper()
    )


def complete_names(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> "list[CompletionItem]":
    """What `explain` explains: codes of rules and of errata, clauses and sections."""
    from mappedram.format.specification import clauses, errata, sections

    words = [
        *_named_rules(),
        *((code, card.name) for code, card in errata().items()),
        *((number, section.heading) for number, section in sections().items()),
        *((number, "") for number in clauses()),
    ]
    return _beginning(words, typed.upper())


def _named_rules() -> Iterable[tuple[str, str]]:
    from mappedram.check import RULES

    return ((code, rule.name) for code, rule in RULES.items())


def complete_specification(
    _context: click.Context, _parameter: click.Parameter, typed: str
) -> "list[CompletionItem]":
    """The files of the specification."""
    from mappedram.format.specification import FILES

    return _beginning(((name, file.about) for name, file in FILES.items()), typed)


complete_blocks = _from_file(_blocks)
complete_devices = _from_file(_devices)
complete_regions = _from_file(_regions)
