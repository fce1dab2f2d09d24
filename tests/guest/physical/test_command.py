"""`mappedram map`."""

import mappedram
from tests.cli.conftest import Run, on
from tests.conftest import Fixtures
from tests.stream.libvirt.samples import Samples


def test_json(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["offset-unaligned"]
    document = run(*on("map", fixture, "--output", "json")).json
    assert list(document) == ["file", "machine", "ranges", "unplaced", "doubts"]
    assert (document["machine"], document["doubts"]) == ("pc-i440fx-10.0", [])
    with mappedram.open(fixture.path, fixture.offset) as snapshot:
        for one, known in zip(document["ranges"], snapshot.physical.map.ranges, strict=True):
            pages_offset = snapshot.block[known.idstr].model.pages_offset
            assert pages_offset is not None
            assert one == {
                "gpa": known.gpa,
                "size": known.size,
                "idstr": known.idstr,
                "block_offset": known.offset,
                "file_offset": pages_offset + known.offset,
                "is_ram": known.idstr == "pc.ram",
                "basis": known.basis,
                "certain": True,
            }
        assert document["unplaced"] == list(snapshot.physical.map.unplaced)


def test_file_offset_leads_to_the_bytes(fixtures: Fixtures, run: Run) -> None:
    fixture = fixtures["pc"]
    document = run("map", fixture.path, "--output", "json").json
    top = next(one for one in document["ranges"] if one["gpa"] + one["size"] == 1 << 32)
    file = fixture.path.read_bytes()
    end = top["file_offset"] + top["size"]
    # Reset vector of the processor: the firmware of the fixtures has a far jump there.
    assert file[end - 16 : end - 11] == bytes.fromhex("ea 0000 00f0")


def test_human(fixtures: Fixtures, run: Run) -> None:
    outcome = run("map", fixtures["numa2"].path)
    assert (outcome.status, outcome.err) == (0, "")
    rows = [line.split(maxsplit=8) for line in outcome.out.splitlines()]
    assert rows[0][:5] == ["gpa", "end", "size", "kind", "block"]
    assert ["0x1000000", "0x2000000", "16", "MiB", "RAM", "node1", "0x0"] in [r[:7] for r in rows]
    firmware = next(row for row in rows if row[0] == "0xffff0000")
    assert firmware[4:6] == ["ROM", "pc.bios"]
    assert "? SRAT" in outcome.out
    assert outcome.out.splitlines()[-1].startswith("not certain   whether 'node0', 'node1'")


def test_a_stream_has_no_fixed_places(fixtures: Fixtures, run: Run) -> None:
    outcome = run("map", fixtures["plain"].path)
    assert outcome.status == 0
    assert {line.split()[7] for line in outcome.out.splitlines()[1:7]} == {"-"}
    ranges = run("map", fixtures["plain"].path, "--output", "json").json["ranges"]
    assert {one["file_offset"] for one in ranges} == {None}


def test_an_image_of_libvirt(samples: Samples, run: Run) -> None:
    outcome = run("map", samples["sparse"].path)
    assert outcome.status == 0
    assert "CMOS" in outcome.out


def test_what_is_said_goes_before_the_file(fixtures: Fixtures, run: Run) -> None:
    document = run(
        "map", fixtures["memory-backend"].path, "--below-4g", "8M", "--output", "json"
    ).json
    above = document["ranges"][-1]
    assert (above["gpa"], above["size"], above["block_offset"]) == (1 << 32, 8 << 20, 8 << 20)
    assert above["certain"] is False
    assert "according to the file" in document["doubts"][0]


def test_what_is_not_known(fixtures: Fixtures, run: Run) -> None:
    outcome = run("map", fixtures["arm-1k"].path)
    assert (outcome.status, outcome.out) == (63, "")
    assert "'netduino2'" in outcome.err
    assert "--below-4g" not in outcome.err  # which would put its memory where no Cortex-M has any
    assert "`mappedram extract`" in outcome.err
    assert run("map", fixtures["arm-1k"].path, "--below-4g", "1G").status == 0


def test_usage(fixtures: Fixtures, run: Run) -> None:
    for size in ("0", "5G", "much"):
        outcome = run("map", fixtures["pc"].path, "--below-4g", size)
        assert (outcome.status, outcome.out) == (64, "")
