"""The results of a campaign on disk, and what is counted of them."""

from pathlib import Path

from tools.campaign import results


def row(
    index: int, qemu: str, model: str, said: str = "", expected: str | None = None
) -> results.Row:
    return {"index": index, "qemu": qemu, "model": model, "said": said, "expected": expected}


def test_what_was_cut_off_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with path.open("w", encoding="utf-8") as stream:
        for index in (7, 3):
            results.write(stream, row(index, "loads", "loads"))
        stream.write('{"index": 9, "qemu": "lo')
    assert [entry["index"] for entry in results.read(path)] == [3, 7]
    assert results.read(tmp_path / "missing") == []


def test_matrix_and_words() -> None:
    rows = [
        row(0, "loads", "loads"),
        row(1, "loads", "hangs"),
        row(2, "refuses", "refuses", "a: b\nc", "a: b"),
        row(3, "refuses", "refuses", "a", "b"),
        row(4, "refuses", "loads", "a", None),
    ]
    _, _, loads, _, refuses, *_ = results.matrix(rows)
    assert loads == "| loads | 1 | 0 | 0 | 0 | 1 | 2 |"
    assert refuses == "| refuses | 1 | 0 | 2 | 0 | 0 | 3 |"
    assert [entry["index"] for entry in rows if not results.agrees(entry)] == [1, 4]
    assert results.messages(rows) == (1, 2)
