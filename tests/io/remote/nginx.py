"""nginx with the files of a folder, until a block ends; for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tools.programs import SEARCHED

#: Below /whole it sends no ranges; below /gzip it compresses what may be compressed.
_CONFIGURATION = """
daemon off;
{user}
pid {state}/pid;
error_log {state}/errors;
events {{}}
http {{
    access_log {state}/requests;
    sendfile on;
    client_body_temp_path {state}/body; proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi; uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {files};
        location /whole/ {{ alias {files}/; max_ranges 0; }}
        location /gzip/ {{ alias {files}/; gzip on; gzip_types *; gzip_min_length 1; }}
    }}
}}
"""
#: Seconds until it must answer.
_START = 10


def find() -> str | None:
    """Path of nginx; None if it is not installed."""
    return shutil.which("nginx", path=SEARCHED)


@contextmanager
def running(program: str, files: Path, state: Path) -> Iterator[str]:
    """Yield the address of a server, without a slash at the end.

    Args:
        program: from `find`.
        files: the folder that it serves.
        state: an empty folder for its own files.

    Raises:
        RuntimeError: it does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (state / "configuration").write_text(
        _CONFIGURATION.format(user=user, state=state, files=files, port=port)
    )
    command = [program, "-p", str(state), "-c", str(state / "configuration")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{url}/none").close()
        except HTTPError:
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("nginx does not start")
