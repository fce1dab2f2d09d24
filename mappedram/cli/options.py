"""Arguments and options that several verbs share: file, offset, driver, output."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_snapshots
from mappedram.format.drivers import DRIVERS
from mappedram.io.opening import DiskImage
from mappedram.io.remote.address import RemoteName, is_url
from mappedram.sizes import parse_size

if TYPE_CHECKING:
    _IntegerType = click.ParamType[int]
    _PathType = click.Path[Path]
    _InPathType = click.Path[str]
else:
    _InPathType = _PathType = click.Path
    _IntegerType = click.ParamType  # takes no type before click 8.4


#: Where the storage options of a command line are kept.
_STORAGE = "mappedram.storage_options"
#: A function that click turns into a command.
Command = TypeVar("Command", bound=Callable[..., object])
#: Where the files of --memory are kept, by option and block.
_MEMORY = "mappedram.memory"


class SizeType(_IntegerType):
    """A size or an offset in bytes."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Bytes; a usage error where the text is not a size."""
        try:
            return value if isinstance(value, int) else parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


size_type = SizeType()

#: What stands for standard output in the place of a file.
STANDARD_OUTPUT = Path("-")


class OutPath(_PathType):
    """A path that is written to, which is nothing that was meant as an option.

    Args:
        standard_output: whether `-` may stand for standard output.
    """

    def __init__(self, *, standard_output: bool = False) -> None:
        super().__init__(path_type=Path)
        self._standard_output = standard_output

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """The path; a usage error where it is no file's."""
        text = os.fspath(value)
        if text == "-" and not self._standard_output:
            self.fail("-: a pipe cannot take it; ./- is a file of that name", param, ctx)
        if text.startswith("--"):
            self.fail(f"{text}: looks like an option; ./{text} is a file of that name", param, ctx)
        if is_url(text):
            self.fail(f"{text}: is a URL, and only local files are written", param, ctx)
        return Path(text)


class InPath(_InPathType):
    """A file that is read: a path, or a URL with the storage options of the command line."""

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The path, or the URL as a `RemoteName`."""
        return with_storage(os.fspath(super().convert(value, param, ctx)), ctx)


def with_storage(name: str, ctx: click.Context | None) -> str:
    """A URL as a `RemoteName`, with the storage options of the command line; a path as it is."""
    if not is_url(name):
        return name
    _show_warnings()
    return RemoteName(name, ctx.meta.get(_STORAGE) if ctx else None)


def _show_warnings() -> None:
    """Let warnings about a URL, such as what it costs to read it, look like all messages."""
    import logging

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            output.note(record.getMessage())

    logger = logging.getLogger("mappedram")
    if not logger.handlers:
        logger.addHandler(Noting(logging.WARNING))
        logger.propagate = False


def _store(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> None:
    """Keep the storage options, before any file is looked at."""
    kept: dict[str, Any] = ctx.meta.setdefault(_STORAGE, {})
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key.rstrip(":"):
            raise click.BadParameter(f"{text!r}: expected KEY=VALUE", ctx, param)
        *outer, last = key.removesuffix(":").split(".")
        place = kept
        for one in outer:
            place = place.setdefault(one, {})
        place[last] = _option_value(value, is_json=key.endswith(":"))


def _option_value(text: str, *, is_json: bool) -> Any:
    if not is_json:
        return {"true": True, "false": False}.get(text, text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON: {error}") from error


_storage_option = click.Option(
    ["--storage-option"],
    multiple=True,
    metavar="KEY=VALUE",
    is_eager=True,
    expose_value=False,
    callback=_store,
    help="A file to read may be a URL, as fsspec knows them, unless a local file has that name; ./"
    " before a name makes it a path. This is an option for its file system, such as anon=true or"
    " endpoint_url=http://host:9000. KEY:=JSON gives a value as JSON, PROTOCOL.KEY belongs to one"
    " part of a chained URL. Can be given more than once.",
)


def take_storage_options(command: click.Command) -> None:
    """Let a verb that reads files, and the verbs below it, take --storage-option."""
    reads = any(isinstance(param.type, InPath) for param in command.params)
    if reads and _storage_option not in command.params:
        command.params.append(_storage_option)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        take_storage_options(inner)


file_argument = click.argument("file", type=InPath(), metavar="FILE")


def _keep_memory(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> None:
    """Keep the files of an option --memory until the snapshot is opened."""
    kept = ctx.meta.setdefault(_MEMORY, {}).setdefault(param.name, {})
    for text in given:
        idstr, file = split_assignment(text, ctx, param)
        if idstr in kept:
            raise click.BadParameter(f"two files for block {idstr!r}", ctx, param)
        kept[idstr] = with_storage(file, ctx)


def split_assignment(
    text: str, ctx: click.Context | None = None, param: click.Parameter | None = None
) -> tuple[str, str]:
    """The two parts of IDSTR=FILE.

    Raises:
        UsageError: it has another form.
    """
    # A URL may have an = of its own.
    split = text.partition if "://" in text else text.rpartition
    idstr, separator, file = split("=")
    if not separator or not idstr or not file:
        raise click.BadParameter(f"{text!r}: expected IDSTR=FILE", ctx, param)
    return idstr, file


def memory_option(command: Command, suffix: str = "", file: str = "FILE") -> Command:
    """The option --memory, whose value `given_memory` has; with a suffix for one of two files."""
    return click.option(
        f"--memory{suffix}",
        multiple=True,
        metavar="IDSTR=MEMORY",
        expose_value=False,
        callback=_keep_memory,
        help=f"Read block IDSTR, which {file} leaves out (x-ignore-shared), from MEMORY: the file"
        " behind its memory backend. Can be given more than once.",
    )(command)


def given_memory(suffix: str = "") -> dict[str, str]:
    """The files of --memory, by block."""
    ctx = click.get_current_context(silent=True)
    kept: dict[str, dict[str, str]] = ctx.meta.get(_MEMORY, {}) if ctx else {}
    return kept.get(f"memory{suffix.replace('-', '_')}", {})


offset_option = click.option(
    "--offset",
    type=size_type,
    default="0",
    metavar="N",
    help="Offset of the stream in FILE, as in QEMU's file:PATH,offset=N: decimal, 0x hex, or with"
    " a suffix K, M, G or T.  [default: 0]",
)

snapshot_option = click.option(
    "--snapshot",
    "chosen",
    metavar="NAME",
    shell_complete=complete_snapshots,
    help="Read this internal snapshot of FILE, a qcow2 image: an id or a name, as `mappedram info`"
    " lists them.  [default: the only one with the state of a guest]",
)


def within(file: str, chosen: str | None) -> str | DiskImage:
    """The file, or the snapshot in it that the option `--snapshot` names."""
    return file if chosen is None else DiskImage(file, chosen)


driver_option = click.option(
    "--driver",
    type=click.Choice(DRIVERS),
    default="construct",
    show_default=True,
    help="Parse FILE with this declaration of the format; the two are independent.",
)

output_option = click.option(
    "--output",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Output format.",
)


def epilog(*paragraphs: str) -> str:
    """The end of a help text; keeps line breaks within a paragraph."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in paragraphs)


STATUS_OF_READING = (
    "Exit status:\n"
    "  0   the file was parsed to its end\n"
    "  1   the file cannot be read, is truncated, or cannot be parsed to its end\n"
    "  63  not a file that this tool handles\n"
    "  64  usage error"
)


below_4g_option = click.option(
    "--below-4g",
    type=size_type,
    metavar="N",
    help="Size of main memory below 4 GiB. Overrides the file.",
)


def refuse_impossible(below_4g: int | None) -> None:
    """Refuse a size below 4 GiB that is out of range.

    Raises:
        UsageError: it is.
    """
    from mappedram.guest.physical.rules import ABOVE_4G  # most verbs need none of that room

    if below_4g is not None and not 0 < below_4g <= ABOVE_4G:
        raise click.UsageError(f"--below-4g {below_4g:#x}: expected 1 byte to 4 GiB")
