"""Campaigns without a QEMU: plans, shards, results on disk, summaries, and the page."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mappedram.fuzz.mutable_fields import KINDS
from mappedram.fuzz.mutate import LENGTH, Mutation
from mappedram.qemu.loader import Verdict
from mappedram.qemu.run.load import QemuLoader
from tools.campaign import __main__ as command
from tools.campaign import document, explained, published, results
from tools.campaign.emulators import Emulator, distinct, release_of, saver_of
from tools.campaign.explained import Explanation, explanation_of
from tools.campaign.plan import Plan, Shard
from tools.campaign.results import Results, ResultsError, Row
from tools.campaign.seeds import SEEDS
from tools.campaign.trial import Setting, load

PLAN = Plan("7", ("none", "pc", "virt"), KINDS)
WHOLE = Shard()


def row(number: int = 0, outcome: str = "loads", model: str = "loads", **more: object) -> Row:
    index, change = number, Mutation("/header/version", number, b"\0", b"\1", "one")
    made = Row(
        index=index,
        file=PLAN.file_of(index),
        good="0123",
        machine=PLAN.file_of(index),
        form="mapped-ram",
        kinds=("headers",),
        mutant=results.mutant_of([change]),
        arch="x86_64",
        version="10.0.2",
        outcome=outcome,
        said="",
        seconds=0.125,
        release="10.0",
        model=model,
        certain=True,
        because=("MR001",),
        expected=None,
        commit="abc",
        mutations=(change,),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def entry(rows: Sequence[Row], shard: Shard = WHOLE, plan: Plan = PLAN) -> published.Entry:
    (made,) = published.entries_of([Results(plan, shard, tuple(rows))], "2026-11-26")
    return made


# Plans and shards.


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_are_the_plan(of: int) -> None:
    parts = [Shard(number, of).indices(PLAN, 100) for number in range(1, of + 1)]
    assert sorted(index for part in parts for index in part) == list(range(100))
    for part in parts:
        assert {PLAN.file_of(index) for index in part} == set(PLAN.files)


def test_shards_overlap_where_they_have_mutants_in_common() -> None:
    shards = [Shard(number, of) for of in (1, 2, 3, 4, 6) for number in range(1, of + 1)]
    for here in shards:
        for there in shards:
            common = set(here.indices(PLAN, 200)) & set(there.indices(PLAN, 200))
            assert here.overlaps(there) == bool(common), (here, there)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1/0", "1", "a/b", ""])
def test_no_such_shard(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Shard.parse(text)
    assert str(Shard.parse("2/3")) == "2/3"


def test_mutants_do_not_depend_on_the_other_files() -> None:
    """A mutant with the same number of the same file is equal in a plan with fewer files."""
    alone = Plan("7", ("pc",), KINDS)
    (here, count), (there, same) = PLAN.random(3 * 5 + 1), alone.random(5)
    assert (here.random(), count) == (there.random(), same)
    assert PLAN.random(3 * 6 + 1)[0].random() != there.random()
    assert replace(PLAN, seed="8").random(3 * 5 + 1)[0].random() != here.random()


# QEMUs.


def test_version_says_the_row_of_the_model() -> None:
    assert release_of((10, 0, 2)) == "10.0"
    assert release_of((11, 1, 3)) == "11.1.3"
    assert release_of((8, 2, 0)) is None


def fake(folder: Path, name: str, version: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho QEMU emulator version {version}\n")
    path.chmod(0o755)
    return path


def test_binaries_tell_their_version(tmp_path: Path) -> None:
    path = fake(tmp_path, "qemu-system-aarch64", "10.0.2")
    assert Emulator.of(path) == Emulator(path, "aarch64", "10.0.2", "10.0")
    assert Emulator.of(path, "11.1").release == "11.1.3"
    with pytest.raises(ValueError, match=r"does not know 8\.2\.0"):
        Emulator.of(fake(tmp_path, "qemu-system-s390x", "8.2.0"))
    with pytest.raises(ValueError, match="not called"):
        Emulator.of(fake(tmp_path, "qemu", "10.0.2"))


def test_same_version_twice() -> None:
    one = Emulator(Path("a"), "x86_64", "10.0.2", "10.0")
    assert distinct([one, replace(one, arch="aarch64")])
    with pytest.raises(ValueError, match="same target and version"):
        distinct([one, replace(one, binary=Path("b"))])


def test_who_saves() -> None:
    """The first of the target; if others cannot load its file, each saves its own."""
    old = Emulator(Path("a"), "aarch64", "10.0.2", "10.0")
    new = replace(old, version="11.1.3", release="11.1.3")
    seeds = {seed.name: seed for seed in SEEDS}
    others = (Emulator(Path("x"), "x86_64", "10.0.2", "10.0"), old, new)
    assert saver_of(seeds["none-arm"], new, others) == old
    assert saver_of(seeds["virt"], new, others) == new


# Results on disk.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def store(path: Path, rows: Sequence[Row], plan: Plan = PLAN, shard: Shard = WHOLE) -> None:
    with results.adding(path, plan, shard) as (stream, _):
        results.write(stream, rows)


def test_rows_come_back(path: Path) -> None:
    change = Mutation(LENGTH, 3, b"", b"\xff", "longer")
    rows = [row(0), row(1, expected="a", kinds=("bitmaps", "length"), mutations=(change,))]
    store(path, rows[:1], shard=Shard(2, 3))
    store(path, rows[1:], shard=Shard(2, 3))
    assert results.read(path) == Results(PLAN, Shard(2, 3), tuple(rows))


@pytest.mark.parametrize("rest", ['{"index": 9, "qemu": "lo', "x", ""])
def test_what_was_cut_off_is_done_again(path: Path, rest: str) -> None:
    store(path, [row(0)])
    with path.open("a") as stream:
        stream.write(rest)
    assert results.read(path).rows == (row(0),)
    with results.adding(path, PLAN, Shard()) as (stream, rows):
        assert rows == (row(0),)
        results.write(stream, [row(1)])
    assert results.read(path).rows == (row(0), row(1))


def test_cut_within_the_first_line(path: Path) -> None:
    path.write_text('{"plan":')
    store(path, [row(0)])
    assert results.read(path).rows == (row(0),)


def test_one_process_at_a_time(path: Path) -> None:
    with (
        results.adding(path, PLAN, Shard()),
        pytest.raises(ResultsError, match="another process"),
        results.adding(path, PLAN, Shard()),
    ):
        pass
    store(path, [row(0)])


@pytest.mark.parametrize(
    ("plan", "shard"),
    [
        (replace(PLAN, seed="8"), Shard()),
        (replace(PLAN, files=("none",)), Shard()),
        (replace(PLAN, kinds=("length",)), Shard()),
        (PLAN, Shard(1, 2)),
    ],
)
def test_another_plan_takes_another_file(path: Path, plan: Plan, shard: Shard) -> None:
    store(path, [row(0)])
    with pytest.raises(ResultsError, match="another plan or shard"):
        store(path, [], plan, shard)
    assert results.read(path).rows == (row(0),)


@pytest.mark.parametrize("text", ["", "{}\n", "no\n", '{"plan":{},"shard":"1/1"}\n'])
def test_no_results(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ResultsError):
        results.read(path)


def test_whole_lines_that_are_no_results(path: Path) -> None:
    store(path, [row(0)])
    with path.open("a") as stream:
        stream.write('{"index":1}\n')
    with pytest.raises(ResultsError):
        results.read(path)


def test_only_what_is_missing_is_done() -> None:
    """Even if one QEMU has loaded a mutant and another has not."""
    old = Emulator(Path("q"), "x86_64", "10.0.2", "10.0")
    new, arm = replace(old, version="11.1.3", release="11.1.3"), replace(old, arch="aarch64")
    setting = Setting((old, new, arm), PLAN, Path("good"), "abc")
    rows = [row(0), row(0, version="11.1.3"), row(1), row(2, arch="aarch64")]
    jobs = list(command.missing(setting, rows, range(6)))
    assert jobs == [(1, (new,)), (3, (old, new)), (4, (old, new)), (5, (arm,))]


# Loads.

#: A program that hangs when it is first started.
SLOW_AT_FIRST = """#!/bin/sh
cd "$(dirname "$0")"
if test -e tried; then exit 1; fi
touch tried
exec sleep 1000
"""


@pytest.mark.parametrize(("in_time", "outcome"), [(True, "refuses"), (False, "hangs")])
def test_a_load_that_should_have_ended_has_more_time(
    in_time: bool, outcome: str, tmp_path: Path
) -> None:
    """The machine may have been busy; not so for a load that is predicted to be endless."""
    binary = tmp_path / "qemu-system-x86_64"
    binary.write_text(SLOW_AT_FIRST)
    binary.chmod(0o755)
    with QemuLoader(binary, "none", timeout=2) as loader:
        loaded = load(loader, tmp_path / "mutant", 0, b"", in_time=in_time)
        assert (loaded.outcome, loader.timeout) == (outcome, 2)


# Several files.


def test_the_same_mutant_counts_once() -> None:
    same = [row(0), row(0, index=5, seconds=9.0, commit="def")]
    apart = [row(0, version="11.1.3"), row(0, good="4567"), row(0, mutant="x"), row(0, arch="arm")]
    assert results.merge(same).rows == (same[0],)
    assert set(results.merge([*same, *apart]).rows) == {same[0], *apart}
    assert results.merge(same + apart).contradictory == ()


def test_several_ends_of_one_mutant() -> None:
    """They are shown, and do not count."""
    rows = [row(0), row(0, "hangs"), row(0, "hangs"), row(1)]
    merged = results.merge(rows)
    assert merged.rows == (rows[3],)
    assert merged.contradictory == (rows[0], rows[1])


def test_mutants_are_what_stands_in_the_file() -> None:
    change = Mutation("/a", 3, b"\0", b"\1", "one")
    same = [replace(change, path="/b", what="two")]
    others = [
        [replace(change, offset=4)],
        [replace(change, after=b"\2")],
        [replace(change, path=LENGTH)],
        [change, replace(change, offset=9)],
        [],
    ]
    assert results.mutant_of(same) == results.mutant_of([change])
    assert len({results.mutant_of(one) for one in [*others, same]}) == len(others) + 1


def test_judged_anew() -> None:
    verdict = Verdict("crashes", ("MR204",), "dies", False, False, "measured")
    judged = row(0, "crashes").judged(verdict, "new")
    assert judged == row(
        0, "crashes", "crashes", because=("MR204",), expected="dies", certain=False, commit="new"
    )
    assert judged.agrees
    assert not row(0, "crashes").agrees


# Published results.

ROWS = [
    row(0),
    row(1, "refuses", "refuses", said="a: b\nc", expected="a: b"),
    row(2, "refuses", "refuses", said="a", expected="b", form="plain"),
    row(3, "refuses", "loads", certain=False, kinds=("bitmaps", "headers")),
]


@pytest.mark.parametrize(
    ("said", "expected", "right"),
    [
        ("machine 'n\ufffd' and 'none'", "machine 'n\xee' and 'none'", 1),
        ("machine 'n\xc3\xae\xee' and 'none'", "machine 'n\xee' and 'none'", 1),
        ("machine 'nx' and 'none'", "machine 'n\xee' and 'none'", 0),
        ("machine 'n' and 'none'", "machine 'n\xee' and 'none'", 0),
    ],
)
def test_bytes_that_are_no_letters(said: str, expected: str, right: int) -> None:
    """QEMU shows them in its own ways, which do not concern the model."""
    one = row(0, "refuses", "refuses", said=said, expected=expected)
    assert published.messages([one]) == (right, 1)


def test_what_a_shard_comes_to() -> None:
    made = entry(ROWS)
    assert (made.mutants, made.by_mutations) == (4, (4, 0, 0))
    assert (made.right, made.foretold) == (1, 2)
    assert (made.unexplained, dict(made.explained), made.contradictory) == (1, {}, 0)
    assert published.Cell("none", "mapped-ram", "refuses", "loads", False, 1) in made.cells
    assert sum(cell.mutants for cell in made.cells) == 4
    kinds = {(cell.kind, cell.form): cell.mutants for cell in made.kinds if cell.model == "loads"}
    assert kinds == {("headers", "mapped-ram"): 1, ("bitmaps", "mapped-ram"): 1}
    assert made.milliseconds == 125


def test_differences_by_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Explanation("known", "10.0", "", "", lambda one: one.index == 3)
    assert explanation_of(ROWS[3]) is None
    monkeypatch.setattr(explained, "EXPLAINED", (known,))
    made = entry([*ROWS, row(4, "hangs")])
    assert (made.unexplained, made.explained) == (1, {"known": 1})


def test_what_is_written_comes_back(path: Path) -> None:
    before = replace(entry(ROWS), plan=None, cells=(published.Cell("a", "b", "c", "d", None, 1),))
    published.write([entry(ROWS), before], path)
    assert published.read(path) == [entry(ROWS), before]


def test_a_shard_is_published_once() -> None:
    known = published.added([], [entry(ROWS)])
    assert published.added(known, [entry(ROWS)]) == known
    assert published.added(known, [entry(ROWS[:2])]) == known  # of an older state
    more = entry([*ROWS, row(4)])
    assert published.added(known, [more]) == [more]
    other = entry([row(0)], Shard(2, 2))
    first = entry(ROWS, Shard(1, 2))
    assert published.added([first], [other]) == [first, other]
    newer = entry([replace(one, commit="later") for one in ROWS])
    assert published.added(known, [newer]) == [newer]


def test_files_of_one_shard_are_added_up() -> None:
    """Results of several QEMUs have an entry each."""
    files = [Results(PLAN, Shard(), (row(0), row(0, version="11.1.3"))), Results(PLAN, Shard(), ())]
    files.append(Results(PLAN, Shard(), (row(0), row(1))))
    made = {one.version: one.mutants for one in published.entries_of(files, "2026-11-26")}
    assert made == {"10.0.2": 2, "11.1.3": 1}


@pytest.mark.parametrize(
    ("clash", "is_refused"),
    [
        (lambda: entry(ROWS, Shard(1, 2)), False),
        (lambda: entry(ROWS, Shard(2, 4)), False),
        (lambda: entry(ROWS, Shard(3, 4)), True),
        (lambda: entry(ROWS), True),
        (lambda: entry(ROWS, plan=replace(PLAN, files=("none",))), True),
        (lambda: entry(ROWS, plan=replace(PLAN, seed="8")), False),
        (lambda: entry([replace(one, version="11.1.3") for one in ROWS]), False),
    ],
)
def test_nothing_counts_twice(clash: Callable[[], published.Entry], is_refused: bool) -> None:
    known = [entry(ROWS, Shard(1, 2))]
    if is_refused:
        with pytest.raises(ResultsError, match="overlaps"):
            published.added(known, [clash()])
    else:
        assert published.added(known, [clash()])


# The page.


def test_page_is_fresh() -> None:
    """`python -m tools.campaign document` writes it."""
    assert command.DOCUMENT.read_text(encoding="utf-8") == document.text(
        published.read(published.PUBLISHED)
    )


def test_matrix() -> None:
    lines = document.matrix(
        (one.outcome, one.model, 1) for one in [*ROWS, row(4, "loads", "hangs")]
    )
    _, _, loads, _, refuses, *_ = lines
    assert loads == "| loads | 1 | 0 | 0 | 0 | 1 | 2 |"
    assert refuses == "| refuses | 1 | 0 | 2 | 0 | 0 | 3 |"


def test_page_has_a_matrix_for_each_version_machine_and_form() -> None:
    page = document.text([entry(ROWS), entry([row(0, version="11.1.3")])])
    headings = [line for line in page.splitlines() if line.startswith(("## QEMU", "### "))]
    assert headings == [
        *("## QEMU 10.0.2", "### none, mapped-ram", "### pc, mapped-ram", "### virt, plain"),
        *("## QEMU 11.1.3", "### none, mapped-ram"),
    ]
    assert "| 10.0.2 | none | mapped-ram | 2 | 1 |" in page
    assert "| headers | 1 | 0 | 3 | 0 | 0 | 1 |" in page


def test_each_published_mutant_is_in_one_cell() -> None:
    for one in published.read(published.PUBLISHED):
        assert sum(cell.mutants for cell in one.cells) == one.mutants == sum(one.by_mutations)
        differ = sum(cell.mutants for cell in one.cells if cell.outcome != cell.model)
        assert differ == one.unexplained + sum(one.explained.values())
        assert one.unexplained == 0


# The command.


def call(monkeypatch: pytest.MonkeyPatch, *args: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["campaign", *map(str, args)])
    return command.main()


def test_status_says_whether_anything_is_unexplained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, odd = (tmp_path / name for name in ("good", "bad", "odd"))
    store(good, ROWS[:3])
    store(bad, ROWS[3:])
    store(odd, [row(0, "hangs")])
    assert call(monkeypatch, "merge", good, good) == 0
    assert "QEMU 10.0.2: 3 mutants" in capsys.readouterr().out
    assert call(monkeypatch, "merge", good, bad) == 1
    assert "differ, and nothing explains it" in capsys.readouterr().out
    assert call(monkeypatch, "merge", good, odd) == 1
    assert "several ends" in capsys.readouterr().out
    (tmp_path / "none").write_text("no\n")
    assert call(monkeypatch, "merge", tmp_path / "none") == 2


def test_publishing_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store(tmp_path / "results", ROWS[:3])
    data, page = tmp_path / "published.json", tmp_path / "page.md"
    data.write_text("[]")
    monkeypatch.setattr(command, "DOCUMENT", page)
    monkeypatch.setattr(published, "PUBLISHED", data)
    assert call(monkeypatch, "publish", tmp_path / "results") == 0
    once = data.read_bytes(), page.read_bytes()
    os.utime(data, (0, 0))
    assert call(monkeypatch, "publish", tmp_path / "results") == 0
    assert (data.read_bytes(), page.read_bytes()) == once
    assert b"| 10.0.2 | none | mapped-ram | 1 | 0 |" in once[1]
