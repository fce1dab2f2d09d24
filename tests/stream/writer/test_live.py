"""Live migration, compared with a model in memory: any order, channels, pages zero and back."""

import os
from concurrent.futures import ThreadPoolExecutor

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import mappedram
from mappedram.stream.writer import BlockSpec, SnapshotWriter, create
from tests.files import extents

PAGES = 70
BLOCKS = ("pc.ram", "vga.vram", "rom")


class LiveMigration(RuleBasedStateMachine):
    """A guest that writes its pages during the save."""

    def __init__(self) -> None:
        super().__init__()
        self.fd = os.memfd_create("live")
        self.memory: dict[tuple[str, int], bytes] = {}
        self.dirty: set[tuple[str, int]] = set()
        self.page_size = 1024
        self.writer: SnapshotWriter | None = None

    @initialize(
        page_size=st.sampled_from([1024, 4096, 65536]),
        channels=st.sampled_from([1, 3]),
        align=st.sampled_from([65536, 1 << 20]),
    )
    def start(self, page_size: int, channels: int, align: int) -> None:
        self.page_size = page_size
        self.pool = ThreadPoolExecutor(channels)
        self.writer = create(
            self.fd,
            machine="none",
            page_size=page_size,
            blocks=[BlockSpec(idstr, PAGES * page_size) for idstr in BLOCKS],
            align=align,
        )
        self.limit = self.writer.plan.end + len(self.writer.envelope.middle)

    @rule(
        idstr=st.sampled_from(BLOCKS), page=st.integers(0, PAGES - 1), value=st.binary(max_size=4)
    )
    def guest_writes(self, idstr: str, page: int, value: bytes) -> None:
        """An empty value makes the page zero."""
        self.memory[idstr, page] = value
        self.dirty.add((idstr, page))

    @rule(share=st.floats(0, 1), shuffled=st.randoms(use_true_random=False))
    def iterate(self, share: float, shuffled: object) -> None:
        """Send some of the dirty pages, on all channels at once."""
        pages = sorted(self.dirty)
        shuffled.shuffle(pages)  # type: ignore[attr-defined]
        chosen = pages[: int(len(pages) * share)]
        list(self.pool.map(self.send, chosen))
        self.dirty -= set(chosen)

    def send(self, place: tuple[str, int]) -> None:
        assert self.writer is not None
        self.writer.write_pages(place[0], place[1], self.page(place))

    def page(self, place: tuple[str, int]) -> bytes:
        return self.memory.get(place, b"").ljust(self.page_size, b"\0")

    @invariant()
    def size_is_bounded(self) -> None:
        if self.writer:
            assert os.fstat(self.fd).st_size <= self.limit

    def teardown(self) -> None:
        """The guest stops: the rest is sent, and the file equals the guest's memory."""
        if self.writer is None:
            return
        list(self.pool.map(self.send, sorted(self.dirty)))
        self.pool.shutdown()
        self.writer.finish()
        self.writer.close()
        with mappedram.open(self.fd) as snapshot:
            assert snapshot.complete
            for idstr in BLOCKS:
                block = snapshot.block[idstr]
                for page in range(PAGES):
                    expected = self.page((idstr, page))
                    assert block.page(page) == expected
                    assert block.bitmap[page] == any(expected)
            assert extents(self.fd)[-1][1] == snapshot.stream.end
        os.close(self.fd)


TestLiveMigration = LiveMigration.TestCase
