"""Results of the page records of a file, reused for the next release.

Releases treat few files differently, and hardly any before the end of RAM: records are read once.
"""

from mappedram.io.source import Source
from mappedram.qemu.loader.delivered_pages import Delivered
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.records import Blocks, PassedRecords, RecordLoader, Stretch


class Ledger:
    """Stretches of one file in the order of a load, with their results.

    Args:
        source: the file.
        keep: whether to keep the place of each page, to compare memory.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self.delivered = Delivered(source, keep=keep)
        self.steps: list[tuple[Stretch, PassedRecords | EndedError]] = []
        self._records = RecordLoader(source, self.delivered)

    def pass_next(self, stretch: Stretch) -> PassedRecords | EndedError:
        """Add one more stretch."""
        result: PassedRecords | EndedError
        try:
            result = self._records.pass_all(stretch)
        except EndedError as end:
            result = end
        self.steps.append((stretch, result))
        return result


class Ledgers:
    """The ledgers of all loads of one file.

    Args:
        source: the file.
        keep: whether to keep the place of each page.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self._source = source
        self._keep = keep
        self._known: list[Ledger] = []
        self._blocks: dict[tuple[tuple[str, int], ...], Blocks] = {}

    def same(self, blocks: Blocks) -> Blocks:
        """An equal object from before, if any, so that stretches compare fast."""
        return self._blocks.setdefault(tuple(sorted(blocks.lengths.items())), blocks)

    def like(self, taken: list[Stretch]) -> Ledger:
        """A ledger that begins with these stretches; the last of them may be missing."""
        for ledger in self._known:
            steps = [stretch for stretch, _ in ledger.steps[: len(taken)]]
            if steps == taken[: len(steps)] and len(steps) >= len(taken) - 1:
                return ledger
        return self.fresh(taken[:-1])

    def fresh(self, taken: list[Stretch]) -> Ledger:
        """A new ledger with exactly these stretches."""
        ledger = Ledger(self._source, keep=self._keep)
        self._known.append(ledger)
        for stretch in taken:
            ledger.pass_next(stretch)
        return ledger


class Way:
    """The page records of one load.

    Args:
        ledgers: results of other loads.
    """

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers
        self._ledger: Ledger | None = None
        self._taken: list[Stretch] = []

    def pass_next(self, stretch: Stretch) -> PassedRecords:
        """Skip the next stretch, or reuse its known result.

        Raises:
            EndedError: the loader refuses a record.
        """
        number = len(self._taken)
        self._taken.append(stretch)
        steps = self._ledger.steps if self._ledger else []
        if self._ledger is None or (number < len(steps) and steps[number][0] != stretch):
            self._ledger = self._ledgers.like(self._taken)
            steps = self._ledger.steps
        result = steps[number][1] if number < len(steps) else self._ledger.pass_next(stretch)
        if isinstance(result, EndedError):
            raise result
        return result

    @property
    def delivered(self) -> Delivered:
        """Pages that this load delivered, and no other."""
        if self._ledger is None or len(self._ledger.steps) != len(self._taken):
            self._ledger = self._ledgers.fresh(self._taken)
        return self._ledger.delivered
