"""What several verbs take: where the stream begins, which parser, which output."""

from typing import TYPE_CHECKING

import click

from mappedram.format.drivers import DRIVERS
from mappedram.sizes import parse_size

if TYPE_CHECKING:
    _IntegerType = click.ParamType[int]
else:
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

file_argument = click.argument("file", type=click.Path(), metavar="FILE")

offset_option = click.option(
    "--offset",
    type=size_type,
    default="0",
    metavar="N",
    help="Where the stream begins in FILE: decimal, 0x hex, or with a suffix K, M, G or T, as in"
    " QEMU's file:PATH,offset=N.  [default: 0]",
)

driver_option = click.option(
    "--driver",
    type=click.Choice(DRIVERS),
    default="construct",
    show_default=True,
    help="Which of the two independent declarations FILE is read along.",
)

output_option = click.option(
    "--output",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="For reading, or for programs.",
)


def epilog(*paragraphs: str) -> str:
    """The end of a help text; line breaks within a paragraph are kept."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in paragraphs)


STATUS_OF_READING = (
    "Exit status:\n"
    "  0   the file was followed to its end\n"
    "  1   it could not be: not readable, cut off, or not to be followed\n"
    "  63  not a file that this tool handles\n"
    "  64  wrong usage"
)


def refuse_impossible(below_4g: int | None) -> None:
    """Refuse an amount of memory below 4 GiB that cannot be there.

    Raises:
        UsageError: it cannot.
    """
    from mappedram.guest.physical.rules import ABOVE_4G  # most verbs need none of that room

    if below_4g is not None and not 0 < below_4g <= ABOVE_4G:
        raise click.UsageError(f"--below-4g {below_4g:#x}: expected 1 byte to 4 GiB")
