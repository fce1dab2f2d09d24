"""Servers that are slow, busy or wrong."""

import os
import time

import pytest

import mappedram
from mappedram import ChangedError, UnsupportedError
from mappedram.io.opening import open_source
from mappedram.io.remote import retrying
from tests.io.remote.serving import Server

pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install 'mappedram[remote]'")

SIZE = 3 << 20


@pytest.fixture
def data(server: Server) -> bytes:
    made = os.urandom(SIZE)
    (server.folder / "file").write_bytes(made)
    return made


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.001)


@pytest.mark.parametrize("fault", ["busy", "drop", "reset", "short", "long", "shifted"])
@pytest.mark.parametrize("times", [1, retrying.ATTEMPTS - 1])
def test_what_passes_is_tried_again(fault: str, times: int, server: Server, data: bytes) -> None:
    with open_source(server.at("file")) as source:
        server.faults += [fault] * times
        assert source.read(2 << 20, 1000) == data[2 << 20 :][:1000]
    assert not server.faults
    assert len(server.requests) == 2 + times


@pytest.mark.parametrize("fault", ["busy", "drop"])
def test_the_first_request_is_tried_again(fault: str, server: Server, data: bytes) -> None:
    server.faults += [fault]
    with open_source(server.at("file")) as source:
        assert source.read(0, SIZE) == data


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("busy", "the server answered 503"),
        ("drop", "ClientPayloadError"),
        ("reset", ""),
        ("short", "of 0x8000 bytes of a range"),
        ("long", "more bytes than"),
        ("shifted", "the server sends bytes 0x200001"),
    ],
)
def test_what_does_not_pass(fault: str, said: str, server: Server, data: bytes) -> None:
    with open_source(server.at("file")) as source:
        server.faults += [fault] * 99
        with pytest.raises(OSError, match=r"\(5 attempts\)") as caught:
            source.read(2 << 20, 1000)
        assert said in str(caught.value)
        # aiohttp itself tries a reset connection once more.
        assert len(server.requests) >= 1 + retrying.ATTEMPTS
        server.faults.clear()
        assert source.read(2 << 20, 1000) == data[2 << 20 :][:1000]  # an error is not kept


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("ranged", [True, False])
def test_a_server_without_ranges(ranged: bool, server: Server) -> None:
    server.ignores_ranges = True
    if ranged:
        with pytest.raises(UnsupportedError, match=r"does not support ranges.*download it first"):
            open_source(server.at("file"))
        return
    server.ignores_ranges = False
    with open_source(server.at("file")) as source:
        server.ignores_ranges = True
        with pytest.raises(UnsupportedError, match="does not support ranges"):
            source.read(2 << 20, 1000)


@pytest.mark.usefixtures("data")
def test_compressed_ranges(server: Server) -> None:
    server.encoding = "gzip"
    with pytest.raises(UnsupportedError, match=r"sends ranges compressed \(gzip\)"):
        open_source(server.at("file"))


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("before", "after"), [('"one"', '"two"'), ('W/"one"', 'W/"two"'), ('"one"', None), (None, None)]
)
def test_another_object(before: str | None, after: str | None, obeys: bool, server: Server) -> None:
    server.etag, server.obeys_conditions = before, obeys and before != 'W/"one"'
    with open_source(server.at("file")) as source:
        server.etag, server.modified = after, 1.1e9
        with pytest.raises(ChangedError, match="was changed while it was read") as caught:
            source.read(2 << 20, 1000)
        assert caught.value.filename == server.at("file")
    assert len(server.requests) == 2  # nothing is tried again


def test_another_size(server: Server, data: bytes) -> None:
    with open_source(server.at("file")) as source:
        (server.folder / "file").write_bytes(data[:-1])
        with pytest.raises(ChangedError, match="it was 0x300000 bytes, and is now 0x2fffff bytes"):
            source.read(2 << 20, 1000)
        (server.folder / "file").write_bytes(data[: 1 << 20])
        with pytest.raises(ChangedError, match="it was 0x300000 bytes, and is now 0x100000 bytes"):
            source.read(2 << 20, 1000)


@pytest.mark.usefixtures("data")
def test_a_size_that_is_a_lie(server: Server) -> None:
    server.told_size = SIZE + 100_000
    with open_source(server.at("file")) as source:
        assert source.size == SIZE + 100_000
        with pytest.raises(ChangedError):
            source.read(SIZE + 5, 1000)


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "error", "said"),
    [("none", FileNotFoundError, "no such object"), ("file", PermissionError, "refuses access")],
)
def test_no_access(name: str, error: type[OSError], said: str, server: Server) -> None:
    server.authorization = "Bearer token"
    with pytest.raises(error, match=said) as caught:
        open_source(server.at(name))
    assert caught.value.filename == server.at(name)
    assert len(server.requests) == 1


def test_nobody_listens() -> None:
    with pytest.raises(OSError, match="attempts"):
        open_source("http://127.0.0.1:9/file")


@pytest.mark.usefixtures("data")
def test_closing_ends_what_is_under_way(server: Server) -> None:
    source = open_source(server.at("file"))
    server.latency = 30
    source.prefetch([(1 << 20, 2 << 20)])
    time.sleep(0.05)
    began = time.monotonic()
    source.close()
    with pytest.raises((OSError, RuntimeError)):
        source.read(1 << 20, 5)
    assert time.monotonic() - began < 15
    server.latency = 0


@pytest.mark.usefixtures("pc")
def test_a_snapshot_that_changes(server: Server) -> None:
    with mappedram.open(server.at("pc")) as snapshot:
        server.etag = '"two"'
        with pytest.raises(ChangedError):
            snapshot.block["pc.ram"].read(0, 8 << 20)
