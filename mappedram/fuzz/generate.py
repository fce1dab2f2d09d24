"""Draw sound files with a `random.Random`.

Hypothesis has a `Random` whose choices it records and shrinks, so `mappedram.strategies` uses this
module, too. The first of several choices is the simplest, because Hypothesis shrinks to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from mappedram.format.arithmetic import is_page_size
from mappedram.format.constants import CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED
from mappedram.fuzz.sound import DeviceSpec, RamSpec, SnapshotSpec

#: Machine types of all releases, so that verdicts depend on the rest of the file.
_MACHINES = ("none", "pc-q35-9.0", "virt-9.0", "s390-ccw-virtio-8.2")
_BLOCKS = (
    *("pc.ram", "vga.vram", "mach-virt.flash0", "0000:00:02.0/vga.vram", "m\xe9moire"),
    *(f"0000:00:{slot:02x}.0/e1000.rom" for slot in range(3, 32)),
)
#: Rare things happen once in so many times.
_SELDOM = 8
_DEVICES = ("timer", "slirp", "cpu_common", "0000:00:1f.2/ich9_ahci", "fw_cfg")
#: Offsets of a stream in a container: none, at a page, at 1 MiB, at an odd byte.
_OFFSETS = (0, 4096, 1 << 20, 65_693)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the size and variety of a random snapshot.

    Attributes:
        blocks: most RAM blocks, 1 to 34.
        pages: most pages of a block, 1 to 2^30.
        runs: most runs of stored pages of a block.
        run_pages: most pages of a run; few pages are stored even if blocks are huge.
        page_sizes: page sizes in bytes: powers of two from 1 KiB to 64 KiB.
        align: alignment of pages, a multiple of each smaller page size; None for the page size,
            which keeps files small.
        devices: most devices, up to 5.
        plain: only what a small guest of today has: no container, no shared block, no missing part.

    Raises:
        ValueError: no snapshot can be drawn within these limits, or it would not fit into memory.
    """

    blocks: int = 3
    pages: int = 80
    runs: int = 4
    run_pages: int = 8
    page_sizes: tuple[int, ...] = (1024, 4096)
    align: int | None = None
    devices: int = 2
    plain: bool = False

    def __post_init__(self) -> None:
        refusal = next(_refusals(self), None)
        if refusal:
            raise ValueError(refusal)


def _refusals(limits: Limits) -> Iterator[str]:
    """Reasons why no snapshot can be drawn within these limits."""
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(limits, name) <= most:
            yield f"{name}: expected {least} to {most}, got {getattr(limits, name)}"
    sizes, align = limits.page_sizes, limits.align
    if not sizes or not all(map(is_page_size, sizes)):
        yield f"page_sizes: expected powers of two from 1 KiB to 64 KiB, got {sizes}"
    if align is not None and not (
        0 < align <= _ALIGN_MAX and all(align % min(align, size) == 0 for size in sizes)
    ):
        yield f"align: expected a multiple of each smaller page, got {align}"
    stored = limits.runs * min(limits.run_pages, limits.pages) * max(sizes) + limits.pages // 8
    if limits.blocks * stored > _STORED_MAX:
        yield (
            f"blocks: up to {limits.blocks * stored:#x} bytes of pages and bitmaps would be stored,"
            f" more than {_STORED_MAX:#x}"
        )


#: Permitted fields of `Limits`. A bitmap of 2^30 pages takes 128 MiB.
_RANGES = {
    "blocks": (1, len(_BLOCKS)),
    "pages": (1, 1 << 30),
    "runs": (0, 1 << 20),
    "run_pages": (1, 1 << 30),
    "devices": (0, len(_DEVICES)),
}
_ALIGN_MAX = 1 << 40
#: Most bytes of pages and bitmaps in one file.
_STORED_MAX = 1 << 30

#: Files of a few kilobytes.
SMALL = Limits()
#: Blocks of up to 100 GiB, which take no more space than small ones.
HUGE = Limits(pages=(100 << 30) // 4096, page_sizes=(4096,), align=1 << 20)


def snapshot(rng: Random, limits: Limits = SMALL) -> SnapshotSpec:
    """Draw a sound snapshot: `mappedram.check` finds nothing in it except notes."""
    page_size = rng.choice(limits.page_sizes)
    shares = not limits.plain and _seldom(rng)
    footers = limits.plain or not _seldom(rng)
    description = limits.plain or not footers or not _seldom(rng)
    return SnapshotSpec(
        machine=rng.choice(_MACHINES),
        page_size=page_size,
        blocks=tuple(_blocks(rng, limits, shares=shares)),
        devices=tuple(_devices(rng, limits)),
        align=max(page_size, limits.align or page_size),
        offset=0 if limits.plain else rng.choice(_OFFSETS),
        capabilities=(
            (CAPABILITY_X_IGNORE_SHARED, CAPABILITY_MAPPED_RAM)
            if shares
            else (CAPABILITY_MAPPED_RAM,)
        ),
        target_page_bits=(
            page_size.bit_length() - 1 if not limits.plain and _seldom(rng) else None
        ),
        uuid=rng.randbytes(16) if not limits.plain and _seldom(rng) else None,
        parts=1 if limits.plain else rng.randrange(4),
        switchover=limits.plain or not _seldom(rng),
        footers=footers,
        description=description,
    )


def block(rng: Random, limits: Limits = SMALL, idstr: str = "pc.ram") -> RamSpec:
    """Draw a RAM block with some of its pages stored."""
    num_pages = 1 + rng.randrange(limits.pages)
    return RamSpec(idstr, num_pages, tuple(runs(rng, num_pages, limits.runs, limits.run_pages)))


def runs(rng: Random, num_pages: int, most: int, run_pages: int) -> Iterator[tuple[int, int]]:
    """Draw ascending half-open runs of up to `run_pages` pages, with gaps between them."""
    start = 0
    for _ in range(rng.randrange(most + 1)):
        if start >= num_pages:
            return
        first = start + rng.randrange(num_pages - start)
        stop = min(num_pages, first + 1 + rng.randrange(run_pages))
        yield first, stop
        start = stop + 1


def _blocks(rng: Random, limits: Limits, *, shares: bool) -> Iterator[RamSpec]:
    """Draw the blocks in QEMU's order, by decreasing length; the first one has a stored page."""
    count = 1 + rng.randrange(limits.blocks)
    drawn = sorted((block(rng, limits) for _ in range(count)), key=lambda b: -b.num_pages)
    for number, (entry, idstr) in enumerate(zip(drawn, _BLOCKS, strict=False)):
        ignored = shares and number > 0 and _seldom(rng)
        addr = rng.randrange(1 << 40) & -4096 if shares else 0
        stored = entry.runs or (() if number else ((0, 1),))
        yield RamSpec(idstr, entry.num_pages, () if ignored else stored, addr, ignored)


def _devices(rng: Random, limits: Limits) -> Iterator[DeviceSpec]:
    # RAM has section_id 1; QEMU numbers devices on in the order of registration.
    for number in range(rng.randrange(limits.devices + 1)):
        state = rng.randbytes(rng.randrange(24))
        yield DeviceSpec(_DEVICES[number], section_id=number + 2, state=state)


def _seldom(rng: Random) -> bool:
    return rng.randrange(_SELDOM) == _SELDOM - 1
