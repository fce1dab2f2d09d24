"""Run the targets under atheris: `python -m tools.atheris.fuzz FOLDER SECONDS`."""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import atheris

# Import nothing of the package before: it would not be instrumented.
with atheris.instrument_imports(include=["mappedram"]):
    from tools.atheris import dictionary, seeds, targets

#: An input that takes longer is a failure. The promise is 10 s for a file of 1 MiB on an idle
#: processor.
_SECONDS_EACH = 30
_MEMORY_MAX_MIB = 1024


def run(folder: Path, seconds: int) -> None:
    """Fuzz for some seconds; never returns, but ends the process."""
    os.environ["PATH"] = ""  # no input may start a decompressor
    failures = folder / "failures"
    for name in ("corpus", "failures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    words = folder / "words.dict"
    words.write_text(dictionary.text(), encoding="ascii")
    seeds.write(folder / "seeds")
    atheris.Setup(
        [
            sys.argv[0],
            str(folder / "corpus"),
            str(folder / "seeds"),
            f"-dict={words}",
            f"-artifact_prefix={failures}/",
            f"-max_len={seeds.SIZE_MAX}",
            f"-max_total_time={seconds}",
            f"-timeout={_SECONDS_EACH}",
            f"-rss_limit_mb={_MEMORY_MAX_MIB}",
            "-print_final_stats=1",
        ],
        _recording(failures),
    )
    atheris.Fuzz()


def _recording(failures: Path) -> Callable[[bytes], None]:
    """Wrap the targets to continue after failures, and keep the first input of each place.

    Hangs and exhausted memory end the run: libFuzzer writes those inputs itself.
    """

    def test(data: bytes) -> None:
        try:
            targets.run(data)
        except Exception as error:
            place = [(f.filename, f.name) for f in traceback.extract_tb(error.__traceback__)]
            digest = hashlib.sha256(repr(place).encode()).hexdigest()[:12]
            path = failures / f"{type(error).__name__}-{digest}"
            if not path.exists():
                path.write_bytes(data)
                traceback.print_exc()

    return test


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
