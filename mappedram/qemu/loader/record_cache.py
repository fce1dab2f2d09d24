"""What became of the page records of a file, kept for the next release that loads it.

Few files make the releases differ, and hardly any before the end of RAM: records are read once.
"""

from mappedram.io.source import Source
from mappedram.qemu.loader.delivered_pages import Delivered
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.records import Blocks, PassedRecords, RecordLoader, Stretch


class Ledger:
    """Stretches of one file, in the order in which a load passes them, and what became of each.

    Args:
        source: the file.
        keep: whether to keep where each page stands, to compare memory.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self.delivered = Delivered(source, keep=keep)
        self.steps: list[tuple[Stretch, PassedRecords | EndedError]] = []
        self._records = RecordLoader(source, self.delivered)

    def pass_next(self, stretch: Stretch) -> PassedRecords | EndedError:
        """Pass one more stretch."""
        result: PassedRecords | EndedError
        try:
            result = self._records.pass_all(stretch)
        except EndedError as end:
            result = end
        self.steps.append((stretch, result))
        return result


class Ledgers:
    """Those of all loads of one file.

    Args:
        source: the file.
        keep: whether to keep where each page stands.
    """

    def __init__(self, source: Source, *, keep: bool) -> None:
        self._source = source
        self._keep = keep
        self._known: list[Ledger] = []
        self._blocks: dict[tuple[tuple[str, int], ...], Blocks] = {}

    def same(self, blocks: Blocks) -> Blocks:
        """What is equal to these blocks and was there before, so that stretches compare fast."""
        return self._blocks.setdefault(tuple(sorted(blocks.lengths.items())), blocks)

    def like(self, taken: list[Stretch]) -> Ledger:
        """One that begins with these stretches; the last of them may be new."""
        for ledger in self._known:
            steps = [stretch for stretch, _ in ledger.steps[: len(taken)]]
            if steps == taken[: len(steps)] and len(steps) >= len(taken) - 1:
                return ledger
        return self.fresh(taken[:-1])

    def fresh(self, taken: list[Stretch]) -> Ledger:
        """A new one with these stretches and no more."""
        ledger = Ledger(self._source, keep=self._keep)
        self._known.append(ledger)
        for stretch in taken:
            ledger.pass_next(stretch)
        return ledger


class Way:
    """One load on its way along the page records.

    Args:
        ledgers: what other loads have met.
    """

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers
        self._ledger: Ledger | None = None
        self._taken: list[Stretch] = []

    def pass_next(self, stretch: Stretch) -> PassedRecords:
        """Pass the next stretch, or take what is known of it.

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
        """What this load has brought, and no other."""
        if self._ledger is None or len(self._ledger.steps) != len(self._taken):
            self._ledger = self._ledgers.fresh(self._taken)
        return self._ledger.delivered
