"""The work on one file, in the process that does it: a line of JSON, whatever happens."""

import gc
import json
import resource
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, Self, TypeAlias

from mappedram.errors import MappedRamError, UnsupportedError
from mappedram.fleet.inputs import FleetFile

#: Exit statuses of the command line: could not finish, and not a file that it handles.
UNFINISHED = 1
UNSUPPORTED = 63
#: A result before it is a line: the document of the verb for one file.
Entry: TypeAlias = dict[str, Any]
#: A cell of the summary: the title of its table, its row, its column.
Cell: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What one file may take.

    Attributes:
        seconds: time until its result.
        memory: address space of the process that works on it, in bytes.
    """

    seconds: float = 300.0
    memory: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file, or of a piece of it.

    Attributes:
        file: the file.
        text: its line, without the end of line.
        status: the exit status that the verb would have for it.
        counts: cells of the summary in which it counts.
        pieces: what is left to do of a large file, each on its own.
    """

    file: FleetFile
    text: str
    status: int
    counts: tuple[Cell, ...]
    pieces: tuple[tuple[int, int], ...] = ()


class Job(Protocol):
    """What is done with each file. It is sent to the workers, and so has to be small."""

    @property
    def label(self) -> str:
        """The verb and the options that its results depend on."""

    def __call__(self, file: FleetFile) -> Entry:
        """The result, with its exit status as `status`."""

    def without_result(self, file: FleetFile, message: str) -> Entry:
        """The result for a file about which nothing was found out."""

    def counts(self, entry: Entry) -> tuple[Cell, ...]:
        """The cells of the summary in which a result counts; also for one from a file."""


class Engine(Protocol):
    """Something that does jobs on many files at a time. A context manager; leaving it ends them."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def run(self, job: Job, files: Iterable[FleetFile]) -> Generator[Outcome, None, None]:
        """Do a job on many files; yield what became of each, as it comes.

        Args:
            job: what to do.
            files: the files; they are taken as the work proceeds.
        """


def prepare(limits: FileLimits) -> None:
    """Prepare a new worker process.

    The address space is limited, because Linux has no other limit on the memory of one process. A
    lower limit that the system has set stays.
    """
    if _Prepared.limits == limits:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = limits.memory if hard == resource.RLIM_INFINITY else min(limits.memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    _Prepared.limits = limits


class _Prepared:
    """The limits that hold for this process."""

    limits: FileLimits | None = None


def limited(job: Job, file: FleetFile, limits: FileLimits) -> Outcome:
    """Do a job on one file in this process, whose memory is limited from now on."""
    prepare(limits)
    result = outcome(job, file)
    spare_the_collector()
    return result


@cache
def spare_the_collector() -> None:
    """Let Python collect garbage less often, and never among what is there now, such as modules.

    What is made for a file is freed without the collector, except for a few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def outcome(job: Job, file: FleetFile) -> Outcome:
    """Do a job on one file in this process."""
    try:
        entry = job(file)
    except MemoryError:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        return failed(job, file, f"out of memory: the limit is {limit} bytes")
    except (MappedRamError, OSError) as error:
        status = UNSUPPORTED if isinstance(error, UnsupportedError) else UNFINISHED
        return failed(job, file, _message(error), status)
    except BaseException as error:  # that of `sys.exit` as well: signals do not get here
        return failed(job, file, f"internal error: {type(error).__name__}: {error}")
    return told(job, file, entry)


def _message(error: MappedRamError | OSError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def failed(job: Job, file: FleetFile, message: str, status: int = UNFINISHED) -> Outcome:
    """The outcome for a file about which nothing was found out.

    Args:
        job: what was to be done.
        file: the file.
        message: why it was not.
        status: the exit status for it.
    """
    return told(job, file, {**job.without_result(file, message), "status": status})


def told(job: Job, file: FleetFile, entry: Entry) -> Outcome:
    """The outcome with a result."""
    identity = file.identity and file.identity.to_dict()
    text = json.dumps({**entry, "identity": identity, "job": job.label})
    return Outcome(file, text, entry["status"], job.counts(entry), entry.get("pieces", ()))
