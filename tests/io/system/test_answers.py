"""Each error number at each call, and odd results: the output is right, or there is none."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from errno import EIO, ENOENT, ENOSPC, ENXIO, EOPNOTSUPP, errorcode
from functools import partial
from pathlib import Path

import pytest

import mappedram
from mappedram import TruncatedError
from mappedram.guest.physical import PhysicalMemory
from mappedram.io import system
from mappedram.io.opening import open_source
from mappedram.io.source import Source
from mappedram.io.system import answers, calls
from tests.cli.conftest import Outcome, Run, run
from tests.io.system.faults import CALLS, NUMBERS, ODD, answering, failing, half_cloned
from tests.io.system.verbs import PAGE, READING, VERBS, Place, make
from tools.docs import site
from tools.oracle import OracleBlock, OracleFile

__all__ = ["run"]

MIB = 1 << 20


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make(tmp_path_factory.mktemp("answers"))


Expected = dict[str, tuple[Outcome, dict[str, bytes], set[str]]]


@pytest.fixture(scope="module")
def expected() -> Expected:
    """Results of each verb without faults, computed on demand."""
    return {}


def outcome_of(
    verb: str, place: Place, run: Run, expected: Expected
) -> tuple[Outcome, dict[str, bytes], set[str]]:
    if verb not in expected:
        place.reset()
        expected[verb] = (run(*place.command(verb)), *place.result())
        assert expected[verb][0].status in (0, 1 if verb == "diff" else 0)
        assert verb in READING or expected[verb][1] != {"old": b"old"}
    return expected[verb]


def hold(
    verb: str,
    place: Place,
    run: Run,
    expected: Expected,
    fault: AbstractContextManager[object],
    said: str,
) -> bool:
    """Run a verb under a fault: either all of it is right, or it leaves nothing and names a file.

    Returns:
        Whether the verb succeeded.
    """
    right, files, names = outcome_of(verb, place, run, expected)
    place.reset()
    with fault:
        outcome = run(*place.command(verb))
    written, found = place.result()
    if outcome.status == right.status and not (verb == "diff" and outcome.out != right.out):
        assert (written, found) == (files, names), said
        # If holes are not reported, a metadump leaves out more.
        assert (
            outcome.out == right.out
            or verb in ("metadump", "unpacked")
            or (verb == "check" and "cannot be read again: " in outcome.out)
        ), said
        return True
    assert outcome.status in (1, 2, 63), f"{said}: {outcome}"
    assert outcome.status == (2 if verb == "diff" else outcome.status), f"{said}: {outcome}"
    told = outcome.err + outcome.out
    assert str(place.folder) in told or "temporary file" in told, f"{said}: {outcome}"
    assert "internal error" not in outcome.err, f"{said}: {outcome.err}"
    if "unlink" in said:  # the second name stays, and the output is right
        assert written == files, said
    else:
        assert written == {"old": b"old"}, f"{said}: {outcome.err}"
        assert found == names - {"out"}, f"{said}: half of it is left"
    return False


#: Rows of the table whose calls are always made in the same way.
RULED = {
    "SEEK_HOLE": answers.SEEK_DATA,
    "pread": answers.PREAD,
    "pwrite": answers.PWRITE,
    "clone_range": answers.CLONE,
    "posix_fallocate": answers.FILL_HOLES,
    "getxattr": answers.ACCESS_LIST,
    "chmod": answers.CHMOD,
    "fstat": answers.OTHERS,
    "SEEK_END": answers.OTHERS,
    "rename": answers.OTHERS,
}
for name in ("preadv", "pwritev", "pwritev_array", "copy_file_range", "punch_hole"):
    RULED[name] = answers.COPY_FILE_RANGE


@pytest.fixture(scope="module")
def users() -> dict[str, list[str]]:
    """The verbs that make each call, computed on demand."""
    return {}


def users_of(call: str, place: Place, run: Run, users: dict[str, list[str]]) -> list[str]:
    if call not in users:
        users[call] = []
        for verb in VERBS:
            place.reset()
            with answering(call, lambda real, *args, **options: real(*args, **options)) as seen:
                run(*place.command(verb))
            users[call] += [verb] * bool(seen["all"])
    return users[call]


@pytest.mark.parametrize("call", CALLS)
def test_each_error_at_each_call(
    call: str, place: Place, run: Run, expected: Expected, users: dict[str, list[str]]
) -> None:
    """Each number in two of the verbs that make the call, alternating between the verbs.

    Once at the first call and once from the second call on, when something may be half done. The
    table has the expected outcome.
    """
    verbs = users_of(call, place, run, users)
    for place_of, number in enumerate(NUMBERS):
        if (call, number) in (("SEEK_DATA", ENXIO), ("unlink", ENOENT)):
            continue  # these are regular results
        for skip in (0, 1) if verbs else ():
            verb = verbs[(place_of * 2 + skip) % len(verbs)]
            fault = answering(call, failing(number), skip)
            done = hold(
                verb, place, run, expected, fault, f"{errorcode[number]} after {skip} {call}"
            )
            if call in RULED and not skip:
                answer = RULED[call]
                is_raised = number not in answer.expected and "an error" in answer.other
                assert done is not is_raised, f"{errorcode[number]} at {call} of {verb}"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("call", CALLS)
def test_errors_at_each_call_of_each_verb(
    call: str, verb: str, place: Place, run: Run, expected: Expected, users: dict[str, list[str]]
) -> None:
    """One error that means "not supported here", and one that means a failure."""
    if verb in users_of(call, place, run, users):
        for number in (EOPNOTSUPP, EIO):
            fault = answering(call, failing(number), 2)
            hold(verb, place, run, expected, fault, f"{errorcode[number]} after 2 {call}")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("call", "what"), [(call, what) for call in ODD for what in ODD[call]])
def test_odd_results_at_each_call(
    call: str,
    what: str,
    verb: str,
    place: Place,
    run: Run,
    expected: Expected,
    users: dict[str, list[str]],
) -> None:
    for skip in (0, 2) if verb in users_of(call, place, run, users) else ():
        done = hold(
            verb, place, run, expected, answering(call, ODD[call][what], skip), f"{what} {call}"
        )
        # Only reading and writing may fail, and only if nothing is transferred.
        assert done or (call in ("pread", "pwrite") and what == "nothing")


#: Required calls, and calls that may be required.
NEEDED = {"SEEK_END", "close", "fstat", "open", "pread", "pwrite", "stat", "rename", "unlink"}
IN_PART = {"chmod", "ftruncate", "posix_fallocate", "SEEK_SET", "fsync"}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("call", sorted(set(CALLS) - NEEDED - IN_PART))
def test_no_error_of_what_is_not_needed_is_in_the_way(
    call: str, verb: str, place: Place, run: Run, expected: Expected, users: dict[str, list[str]]
) -> None:
    """Whatever the number: the bytes are moved in another way."""
    if verb in users_of(call, place, run, users):
        for number in (EIO, EOPNOTSUPP):
            fault = answering(call, failing(number))
            assert hold(verb, place, run, expected, fault, f"{errorcode[number]} at {call}")


@pytest.mark.parametrize("verb", ["extract", "raw", "elf", "again", "repair"])
@pytest.mark.parametrize("number", [EIO, ENOSPC, ENXIO])
def test_sharing_that_ends_in_the_middle(
    verb: str, number: int, place: Place, run: Run, expected: Expected
) -> None:
    """Nothing that was shared, such as stale pages, remains in place of a hole."""
    assert hold(
        verb, place, run, expected, answering("clone_range", half_cloned(number)), f"{number}"
    )


# Data ranges.


@pytest.fixture
def sparse(tmp_path: Path) -> Iterator[Source]:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.write(b"x" * 4096)
        stream.seek(8192)
        stream.write(b"y" * 4096)
        stream.truncate(1 << 20)
    with open_source(path) as source:
        yield source


def test_a_hole_up_to_the_end_is_one_only_as_long_as_the_file(sparse: Source) -> None:
    """ENXIO can also mean that the file has shrunk: that is no hole."""
    assert list(sparse.extents(0, 1 << 20)) == [(0, 4096), (8192, 12288)]
    os.truncate(sparse.name, 16384)
    assert list(sparse.extents(0, 16384)) == [(0, 4096), (8192, 12288)]
    with pytest.raises(TruncatedError, match="shrank"):
        list(sparse.extents(0, 1 << 20))
    with pytest.raises(TruncatedError, match="shrank"):
        list(sparse.extents(1 << 19, 1 << 20))


def test_a_device_that_is_gone_has_no_hole(sparse: Source) -> None:
    """On a block device, ENXIO means that it is gone; its holes are not queried at all."""
    sparse.is_device = True
    with answering("SEEK_DATA", failing(ENXIO)) as seen:
        assert list(sparse.extents(0, 100)) == [(0, 100)]
    assert not seen["all"]


@pytest.mark.parametrize("number", [n for n in NUMBERS if n != ENXIO], ids=errorcode.get)
def test_no_error_is_taken_for_a_hole(sparse: Source, number: int) -> None:
    with answering("SEEK_DATA", failing(number)):
        assert list(sparse.extents(0, 1 << 20)) == [(0, 1 << 20)]
    with answering("SEEK_DATA", failing(number), skip=1):
        assert list(sparse.extents(0, 1 << 20)) == [(0, 4096), (4096, 1 << 20)]
    with answering("SEEK_HOLE", failing(number)):
        assert list(sparse.extents(0, 1 << 20)) == [(0, 1 << 20)]


# Names of outputs.


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    (tmp_path / "staged").write_bytes(b"new")
    return tmp_path / "staged"


def test_a_file_system_without_second_names(tmp_path: Path, staged: Path) -> None:
    with answering("link", failing(EOPNOTSUPP)):
        system.publish(staged, tmp_path / "out", replace=False)
    assert (tmp_path / "out").read_bytes() == b"new"


def test_without_second_names_the_first_wins_as_well(tmp_path: Path, staged: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with answering("link", failing(EOPNOTSUPP)), pytest.raises(FileExistsError, match="force"):
        system.publish(staged, tmp_path / "out", replace=False)
    assert (tmp_path / "out").read_bytes() == b"old"


def test_a_reserved_name_is_given_up(tmp_path: Path, staged: Path) -> None:
    with (
        answering("link", failing(EOPNOTSUPP)),
        answering("rename", failing(EIO)),
        pytest.raises(OSError, match=r"Input/output error: .*out"),
    ):
        system.publish(staged, tmp_path / "out", replace=False)
    assert os.listdir(tmp_path) == ["staged"]


def test_a_name_that_was_given_although_the_answer_was_lost(tmp_path: Path, staged: Path) -> None:
    """NFS then repeats the request, and receives the error that the name exists."""

    def twice(real: Callable[..., None], *args: Path) -> None:
        real(*args)
        real(*args)

    with answering("link", twice):
        system.publish(staged, tmp_path / "out", replace=False)
    assert (tmp_path / "out").read_bytes() == b"new"


def test_of_several_outputs_all_are_there_or_none(tmp_path: Path, run: Run) -> None:
    """The second output cannot get its name: the first one is removed again."""
    out = tmp_path / "out"
    with (tmp_path / "two").open("w+b") as stream:
        blocks = [OracleBlock(name, PAGE, [(0, 1)], b"\1") for name in ("a", "b")]
        OracleFile(blocks).write(stream.fileno())
    with answering("link", failing(EIO), skip=1), answering("rename", failing(EIO)):
        outcome = run("extract", "-d", out, tmp_path / "two")
    assert outcome.status == 1
    assert re.search(rf"{out}/[ab]\.raw: Input/output error", outcome.err)
    assert os.listdir(out) == []


# Writing.


def test_a_file_that_only_grows_is_refused(place: Place, tmp_path: Path) -> None:
    """Linux then ignores the offset of a write, so that every page would go to the end."""
    from mappedram.export.raw import extract

    with (
        mappedram.open(place.folder / "guest") as snapshot,
        (tmp_path / "out").open("ab") as out,
        pytest.raises(OSError, match=r"O_APPEND.*out"),
    ):
        extract(snapshot.blocks[0], out.fileno())
    assert (tmp_path / "out").read_bytes() == b""


def test_the_file_that_is_read_is_not_written(place: Place, tmp_path: Path) -> None:
    from mappedram.export.raw import extract

    path = tmp_path / "guest"
    path.write_bytes((place.folder / "guest").read_bytes())
    with (
        mappedram.open(path) as snapshot,
        path.open("r+b") as out,
        pytest.raises(OSError, match="is also the input"),
    ):
        extract(snapshot.blocks[0], out.fileno())
    assert path.read_bytes() == (place.folder / "guest").read_bytes()


def test_holes_where_the_file_system_has_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for number in NUMBERS:
        path.write_bytes(b"x" * (3 * MIB))
        with path.open("r+b") as file, answering("punch_hole", failing(number)):
            system.zero(file.fileno(), 1000, 2 * MIB + 1000)
        assert path.read_bytes() == b"x" * 1000 + bytes(2 * MIB) + b"x" * (MIB - 1000)


def test_a_device_that_zeros_whole_blocks_only(tmp_path: Path) -> None:
    """The ends are written, so that the rest need not be."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * (4 * MIB))

    def whole(real: Callable[..., None], fd: int, offset: int, length: int) -> None:
        if offset % 65536 or length % 65536:
            failing(22)(real)
        real(fd, offset, length)

    with (
        path.open("r+b") as file,
        answering("punch_hole", whole),
        answering("pwrite", lambda real, *args: real(*args)) as written,
    ):
        system.zero(file.fileno(), MIB - 10, 3 * MIB + 10)
    assert path.read_bytes() == b"x" * (MIB - 10) + bytes(2 * MIB + 20) + b"x" * (MIB - 10)
    assert written["all"] == 2


def test_errors_name_the_output_and_not_the_file_behind_it(place: Place, run: Run) -> None:
    place.reset()
    with answering("pwrite", failing(EIO)):
        outcome = run(*place.command("again"))
    assert outcome.err == f"mappedram: {place.folder}/out: Input/output error (at 0x0)\n"
    with answering("pread", failing(EIO)):
        outcome = run(*place.command("again"))
    assert outcome.err == f"mappedram: {place.folder}/guest: Input/output error (at 0x0)\n"


def test_what_is_only_said_when_a_file_is_closed(place: Place, run: Run) -> None:
    """NFS and FUSE may report a lack of space only then: the output is incomplete."""
    place.reset()
    closing = partial(_close_of_outputs, place)
    with answering("close", closing):
        outcome = run(*place.command("again"))
    assert outcome.status == 1
    assert outcome.err == f"mappedram: {place.folder}/out: No space left on device\n"
    assert not (place.folder / "out").exists()


def _close_of_outputs(place: Place, real: Callable[..., None], fd: int) -> None:
    is_output = os.readlink(f"/proc/self/fd/{fd}").startswith(f"{place.folder}/.mappedram")
    real(fd)
    if is_output:
        raise OSError(ENOSPC, os.strerror(ENOSPC))


def test_direct_io_that_is_refused_with_the_first_write(place: Place, run: Run) -> None:
    """A disk with larger blocks accepts the flag and refuses the write: the reason is reported."""
    place.reset()

    def refusing(real: Callable[..., int], fd: int, data: memoryview, offset: int) -> int:
        if calls.get_flags(fd) & os.O_DIRECT:
            raise OSError(22, os.strerror(22))
        return real(fd, data, offset)

    with answering("pwrite", refusing):
        outcome = run(*place.command("extract-direct"))
    assert outcome.status == 0
    assert "--direct-io: O_DIRECT rejects" in outcome.err
    with mappedram.open(place.folder / "guest") as snapshot:
        assert (place.folder / "out").read_bytes() == snapshot.blocks[0].read(0, 4 * MIB)


def test_memory_that_cannot_be_mapped_is_read(place: Place) -> None:
    """A FUSE file system may refuse mmap."""
    with mappedram.open(place.folder / "guest") as snapshot:
        physical = PhysicalMemory(snapshot, snapshot.physical.map)
        with answering("map_shared", failing(19)) as seen:
            there = physical.array(40 * PAGE, 8 * PAGE)
            assert bytes(there) == physical.read(40 * PAGE, 8 * PAGE)
        assert seen["taken"] == 1


@pytest.mark.parametrize("number", NUMBERS, ids=errorcode.get)
def test_what_does_not_get_to_the_disk(tmp_path: Path, number: int) -> None:
    with (tmp_path / "out").open("wb") as out, answering("fsync", failing(number)):
        if number in answers.FSYNC.expected:
            system.flush(out.fileno())
        else:
            with pytest.raises(OSError, match="out"):
                system.flush(out.fileno())


# The table.


def test_the_table_names_each_call() -> None:
    told = " ".join(answer.call for answer in answers.ANSWERS).replace("`", " ")
    others = {
        "clone_range": "FICLONERANGE",
        "map_shared": "mmap",
        "map_memory": "mmap",
        "punch_hole": "PUNCH_HOLE",
        "pwritev_array": "pwritev",
        "get_flags": "open",
        "stat": "fstat",
    }
    for call in calls.__all__:
        assert others.get(call, call) in told, call


def test_the_page_shows_the_table() -> None:
    page = dict(site.pages())["files"]
    shown = re.findall(r"^\| (`.*?) \| (.*?) \|", page, re.MULTILINE)
    assert shown == [(answer.call, answer.numbers) for answer in answers.ANSWERS]
