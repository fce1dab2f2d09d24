"""Entry point: find the verb, and turn errors into a message and an exit status."""

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click

from mappedram.cli import output, status
from mappedram.cli.options import epilog, take_storage_options
from mappedram.printable import printable
from mappedram.version import __version__

_VERBS = (
    *("info", "layout", "map", "check", "explain", "state", "diff", "search", "dump"),
    *("extract", "convert", "build", "repair", "metadump", "restore-hint"),
    *("capture", "fleet", "fuzz", "volatility", "spec", "completion"),
)


@dataclass
class _Settings:
    """Options that stand before the verb."""

    debug: bool = False


class _Verbs(click.Group):
    """A group that imports each verb on demand, from a module with its `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        command: click.Command = import_module(
            f"mappedram.cli.{cmd_name.replace('-', '_')}"
        ).command
        take_storage_options(command)
        _take_debug(command)
        return command


def _set_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    settings = ctx.find_object(_Settings)
    if value and settings is not None:  # there are none while words are completed
        settings.debug = True


_debug = click.Option(
    ["--debug"],
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    help="Show a traceback with every error.",
)


def _take_debug(command: click.Command) -> None:
    """Let a verb, and the verbs below it, take --debug, which may stand before or behind a verb."""
    if _debug not in command.params:
        command.params.append(_debug)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _take_debug(inner)


@click.group(
    cls=_Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=epilog(
        "First steps:\n"
        "  a file does not load       mappedram check FILE\n"
        "  check names a code         mappedram explain CODE\n"
        "  QEMU or virsh complains    mappedram explain 'MESSAGE'\n"
        "  correct a damaged file     mappedram repair FILE OUT\n"
        "  load a file                mappedram restore-hint FILE\n"
        "  report a bug               mappedram metadump FILE OUT\n"
        "  crash, drgn, gdb           mappedram convert -O elf FILE OUT\n"
        "  write a parser             mappedram spec\n"
        "  test a parser              mappedram fuzz run -- ./parser {}\n"
        "  use Python                 python3 -c 'import mappedram; help(mappedram)'",
        "Examples:\n"
        "  mappedram info guest.mapped-ram\n"
        "  mappedram layout --hex --region 'header of*' guest.mapped-ram\n"
        "  mappedram check --output json *.mapped-ram",
        "Exit status:\n"
        "  0   success\n"
        "  1   the tool could not finish: a file cannot be read or parsed\n"
        "  2   corrupt (check)\n"
        "  3   only harmless findings (check)\n"
        "  63  not a file that this tool handles\n"
        "  64  usage error",
    ),
)
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> int:
    """Inspect, check, convert and repair QEMU's mapped-ram snapshot files.

    QEMU writes such a file when it migrates a guest to file:PATH with the capability mapped-ram
    enabled; `virsh save` writes one with the image format "sparse". Only `repair --in-place`
    changes a file that it reads; all other commands open files read-only.

    A file to read may be a URL, such as s3://bucket/guest.save or https://host/guest.save, with
    fsspec installed (`pip install 'mappedram[remote]'`). A local file of that name takes
    precedence, and ./ before a name makes it a path.
    """
    ctx.obj.debug = debug
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        return status.USAGE
    return status.FINE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`, or that of the process, and return the exit status."""
    settings = _Settings()
    # Disable OpenBLAS threads: they take a third of numpy's start-up, and nothing here uses them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A terminal that cannot show a character is no reason to fail.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(argv, settings)
        except (Exception, KeyboardInterrupt, status.TerminatedError) as error:
            if settings.debug:
                _show_traceback(error)
            return _report(error)
    except output.OutputError as error:
        return _output_lost(error)


def _run(argv: Sequence[str] | None, settings: _Settings) -> int:
    args = None if argv is None else list(argv)
    result: int = cli.main(args, prog_name="mappedram", standalone_mode=False, obj=settings)
    output.flush()
    return result


def _report(error: BaseException) -> int:
    """Print the error, and return the exit status."""
    if isinstance(error, status.FailureError):
        output.note(str(error))
        return error.status
    if isinstance(error, click.UsageError):
        return _report_usage(error)
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt)):
        output.note("interrupted")
        return status.INTERRUPTED
    if isinstance(error, status.TerminatedError):
        output.note("terminated")
        return status.TERMINATED
    if isinstance(error, output.OutputError):
        raise error
    if isinstance(error, OSError):  # Click could not write a help text: verbs report file errors
        raise output.OutputError(error)
    output.note(f"internal error: {type(error).__name__}: {error}; --debug shows the traceback")
    return status.UNFINISHED


def _report_usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx:
        click.echo(error.ctx.get_help(), err=True)
        return status.USAGE
    command = error.ctx.command_path if error.ctx else "mappedram"
    message = " ".join(error.format_message().split())  # a list of choices comes in lines
    verb = command.partition(" ")[2]
    output.note(f"{verb}: {message}" if verb else message)
    click.echo(f"Try '{command} --help'.", err=True)
    return status.USAGE


def _output_lost(error: output.OutputError) -> int:
    # Python flushes the buffer when it exits, and would fail once more.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.reason.errno == errno.EPIPE:
        return status.BROKEN_PIPE
    click.echo(f"mappedram: standard output: {printable(str(error))}", err=True)
    return status.UNFINISHED


def _show_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(error)
