"""`mappedram completion`: what a shell needs to complete the words of this command."""

import click
from click.shell_completion import get_completion_class

from mappedram.cli import output
from mappedram.cli.options import epilog
from mappedram.cli.status import FINE

#: The shells of Click, and how each is told of this command for good.
_SHELLS = ("bash", "zsh", "fish")
_PROGRAM = "mappedram"


@click.command(
    "completion",
    short_help="What a shell needs to complete words.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram completion bash > ~/.local/share/bash-completion/completions/mappedram\n"
        "  mappedram completion zsh > ~/.zfunc/_mappedram    # a folder of fpath\n"
        "  mappedram completion fish > ~/.config/fish/completions/mappedram.fish",
        "Exit status:\n  0   done\n  64  wrong usage",
    ),
)
@click.argument("shell", type=click.Choice(_SHELLS), metavar="SHELL")
def command(shell: str) -> int:
    """Print the completion for SHELL: bash, zsh or fish.

    It completes verbs, options and their values, files, codes of `check`, releases of QEMU, and the
    names of the blocks, devices and regions of the file on the command line.
    """
    from mappedram.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    output.write(found(cli, {}, _PROGRAM, "_MAPPEDRAM_COMPLETE").source())
    return FINE
