"""Killing processes at random while something else goes on."""

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress


class Killer:
    """Kills one of some processes now and then, until the block ends.

    Args:
        listed: the processes.
        seconds: between two deaths.
    """

    def __init__(self, listed: Callable[[], list[int]], seconds: float) -> None:
        self._listed = listed
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._kill)
        self.killed = 0

    def _kill(self) -> None:
        choice = random.Random(18)
        while not self._ended.wait(self._seconds):
            if here := self._listed():
                with suppress(ProcessLookupError):
                    os.kill(choice.choice(here), signal.SIGKILL)
                    self.killed += 1

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
