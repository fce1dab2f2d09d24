"""Arguments and options that several verbs share: file, offset, driver, output."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mappedram.format.drivers import DRIVERS
from mappedram.sizes import parse_size

if TYPE_CHECKING:
    _IntegerType = click.ParamType[int]
    _PathType = click.Path[Path]
else:
    _PathType = click.Path
    _IntegerType = click.ParamType  # takes no type before click 8.4


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
        return Path(text)


file_argument = click.argument("file", type=click.Path(), metavar="FILE")

offset_option = click.option(
    "--offset",
    type=size_type,
    default="0",
    metavar="N",
    help="Offset of the stream in FILE, as in QEMU's file:PATH,offset=N: decimal, 0x hex, or with"
    " a suffix K, M, G or T.  [default: 0]",
)

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
