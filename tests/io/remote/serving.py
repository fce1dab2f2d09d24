"""An HTTP server for files, which counts its requests, and goes wrong when it is told to."""

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, ClassVar

_RANGE = re.compile(r"bytes=(\d+)-(\d+)$")
_STEP = 1 << 18


@dataclass(frozen=True)
class Request:
    """A request, and the bytes that were asked for.

    Attributes:
        method: GET or HEAD.
        name: name of the file.
        start: offset of the first byte.
        end: end offset, exclusive; within the file.
        ranged: whether there was a range.
    """

    method: str
    name: str
    start: int
    end: int
    ranged: bool

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.end - self.start


@dataclass
class Server:
    """A server of the files in a folder.

    Attributes:
        folder: the folder.
        url: its address, without a slash at the end.
        requests: all requests so far.
        faults: what goes wrong with the next requests, each once: `busy`, `drop`, `reset`, `short`,
            `long`, `shifted`.
        latency: seconds before each answer.
        ignores_ranges: whether it sends whole files.
        etag: what it says of all files; None for nothing but Last-Modified.
        obeys_conditions: whether it minds If-Match.
        told_size: a wrong size that it tells.
        encoding: Content-Encoding that it claims.
        modified: time of the last change that it claims.
        authorization: the header that it requires.
    """

    folder: Path
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    latency: float = 0.0
    ignores_ranges: bool = False
    etag: str | None = '"one"'
    obeys_conditions: bool = True
    told_size: int | None = None
    encoding: str | None = None
    modified: float = 1e9
    authorization: str | None = None
    lock: Any = field(default_factory=Lock)

    def at(self, name: str) -> str:
        """URL of a file."""
        return f"{self.url}/{name}"

    @property
    def bytes_asked(self) -> int:
        """Bytes of all requests."""
        return sum(request.length for request in self.requests)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server, until the block ends."""
    server = Server(folder)

    class Handler(_Handler):
        owner: ClassVar[Server] = server

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is nothing to report."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[Server]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def do_GET(self) -> None:
        """Answer with a file, or a part of it."""
        self._answer()

    def _answer(self) -> None:
        owner, name = self.owner, self.path.lstrip("/").partition("?")[0]
        path = owner.folder / name
        size = path.stat().st_size if path.is_file() else 0
        asked = _RANGE.match(self.headers.get("Range", ""))
        start, end = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)
        ranged = asked is not None and not owner.ignores_ranges
        with owner.lock:
            told = Request(self.command, name, start, max(start, end), asked is not None)
            owner.requests.append(told)
            fault = owner.faults.pop(0) if owner.faults else ""
        time.sleep(owner.latency)
        if not path.is_file():
            self._status(404)
        elif owner.authorization not in (None, self.headers.get("Authorization")):
            self._status(403)
        elif fault == "busy":
            self._status(503)
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
        elif owner.obeys_conditions and self.headers.get("If-Match", owner.etag) != owner.etag:
            self._status(412)
        elif ranged and start >= size:
            self._status(416, ("Content-Range", f"bytes */{size}"))
        else:
            self._file(path, (start, end) if ranged else (0, size), size, fault, ranged=ranged)

    def _status(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in (*headers, ("Content-Length", "0")):
            self.send_header(*header)
        self.end_headers()

    def _file(
        self, path: Path, span: tuple[int, int], size: int, fault: str, *, ranged: bool
    ) -> None:
        owner, (start, end) = self.owner, span
        told = owner.told_size or size
        last = min(end, told) - 1
        length = last + 1 - start + (4 if fault == "long" else 0)
        self.send_response(206 if ranged else 200)
        if ranged:
            shift = 1 if fault == "shifted" else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{last + shift}/{told}")
        if owner.etag:
            self.send_header("ETag", owner.etag)
        if owner.encoding:
            self.send_header("Content-Encoding", owner.encoding)
        self.send_header("Last-Modified", formatdate(owner.modified, usegmt=True))
        if fault == "short":
            self.send_header("Connection", "close")  # no length: the body ends with the connection
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "GET":
            cut = length // 2 if fault in ("drop", "short") else length
            self._body(path, start, cut)
            if fault == "drop":
                self.close_connection = True

    def _body(self, path: Path, start: int, length: int) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            while length > 0:
                data = os.pread(fd, min(length, _STEP), start).ljust(min(length, _STEP), b"\0")
                self.wfile.write(data)
                start, length = start + len(data), length - len(data)
        finally:
            os.close(fd)
