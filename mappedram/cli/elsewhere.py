"""The offset to give if a file has a stream elsewhere than where one was looked for."""

import click

from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.io.opening import open_source

#: Field in which another kind of file shows.
_MAGIC = "/header/magic"


def proposed_offset(file: str, error: BaseException) -> str:
    """Part of a message that names the offset; empty if there is no stream, or no error about it.

    Args:
        file: name of the file.
        error: the reason why its stream was not read.
    """
    if not isinstance(error, UnsupportedError) or error.path != _MAGIC or error.offset is None:
        return ""
    from mappedram.stream.elsewhere import stream_elsewhere  # seldom needed

    try:
        with open_source(file) as source:
            found = stream_elsewhere(source, error.offset)
    except (MappedRamError, OSError):
        return ""  # the first error says enough
    if found is None:
        return ""
    option = _offset_option(file)
    use = f": use {option} {found:#x}" if option else ""
    return f"; a stream begins at {found:#x}{use}"


def _offset_option(file: str) -> str | None:
    """Option of the current verb for the offset of the stream in a file; None if it has none."""
    context = click.get_current_context(silent=True)
    for param in context.command.params if context else ():
        # `diff` has the files A and B, with --offset-a and --offset-b.
        which = (param.name or "").removeprefix("offset").lstrip("_") or "file"
        if param.opts[0].startswith("--offset") and context and context.params.get(which) == file:
            return param.opts[0]
    return None
