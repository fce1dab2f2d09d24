"""All ways in which a load fails: the rule that names the cause, and QEMU's words.

The words are what QEMU writes first, without the prefix of newer releases ("load of migration
failed: Invalid argument: "). None stands for unknown words.
"""

from dataclasses import dataclass

from mappedram.qemu.loader.releases import number
from mappedram.qemu.loader.verdict import Outcome

#: First release of each group with the same words: 9.0 to 10.1, 10.2 and 11.0, 11.1 and later.
SPEAKERS = ("9.0", "10.2", "11.1")


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which a load ends.

    Attributes:
        outcome: result for whoever loads the file.
        code: the rule that names the cause, unless the file is cut off there.
        words: QEMU's message in each group of `SPEAKERS`, with the names of values in braces.
    """

    outcome: Outcome
    code: str
    words: tuple[str | None, ...] = (None,) * len(SPEAKERS)

    def said_by(self, release: str) -> str | None:
        """The words of one release."""
        mine = number(release)
        return next(
            words
            for since, words in reversed(list(zip(SPEAKERS, self.words, strict=True)))
            if mine >= number(since)
        )


#: Codes of spec/errata.md: a command unknown to 9.x; a device that looks into guest memory.
E_SWITCHOVER, E_VAPIC = "E-060", "E-058"
#: The same words as the group before.
_SAME = "="

_SECTION = (
    " section or instance '{idstr}' {instance_id}. Make sure that your current VM setup matches"
    " your saved VM setup, including any hotplugged devices"
)
_PAGE_SIZE = "Migration mapped-ram header has invalid page_size {page_size} (expected {local})"
_XBZRLE = "Failed to load XBZRLE page - "
_PAGE = "({idstr}) failed to read page {offset:x}from file offset {place:x}: "

#   way | rule | 9.0 to 10.1 | 10.2 and 11.0 | since 11.1
_REFUSALS: tuple[tuple[str, str, str | None, str | None, str | None], ...] = (
    # system/vl.c: select_machine(); 9.0 leaves out the name.
    (
        "no-machine",
        "MR060",
        "unsupported machine type",
        'unsupported machine type: "{machine}"',
        _SAME,
    ),
    ("machine-impossible", "MR016", None, None, None),
    # migration/savevm.c: qemu_loadvm_state_header()
    (
        "magic",
        "MR004",
        "Not a migration stream",
        "Not a migration stream, magic: {value:x} != 5145564d",
        _SAME,
    ),
    (
        "obsolete-version",
        "MR004",
        "SaveVM v2 format is obsolete and don't work anymore",
        "SaveVM v2 format is obsolete and no longer supported",
        _SAME,
    ),
    (
        "stream-version",
        "MR004",
        "Unsupported migration stream version",
        "Unsupported migration stream version, file version {value:x} != 3",
        _SAME,
    ),
    (
        "configuration-missing",
        "MR001",
        "Configuration section missing",
        "Configuration section missing, {value:x} != 7",
        _SAME,
    ),
    # migration/savevm.c: vmstate_configuration and what it calls; migration/vmstate.c
    (
        "field",
        "MR001",
        "Failed to load {vmsd}:{field}",
        "Failed to load {vmsd} state: stream error: -5",
        _SAME,
    ),
    (
        "subsection",
        "MR001",
        None,
        "VM subsection '{name}' in 'configuration' does not exist",
        _SAME,
    ),
    (
        "too-new",
        "MR009",
        "{name}: incoming version_id {version} is too new for local version_id {local}",
        _SAME,
        _SAME,
    ),
    (
        "too-old",
        "MR009",
        "{name}: incoming version_id {version} is too old for local minimum version_id  {local}",
        "{name}: incoming version_id {version} is too old for local minimum version_id {local}",
        _SAME,
    ),
    ("capability-name", "MR008", "Received unknown capability {name}", _SAME, _SAME),
    (
        "capability",
        "MR063",
        "Capability {name} is {local}, but received capability is {received}",
        _SAME,
        _SAME,
    ),
    (
        "machine",
        "MR063",
        "Machine type received is '{received}' and local is '{local}'",
        _SAME,
        _SAME,
    ),
    (
        "page-bits",
        "MR063",
        "Received TARGET_PAGE_BITS is {received} but local is {local}",
        _SAME,
        _SAME,
    ),
    ("uuid", "MR063", "UUID received is {received} and local is {local}", _SAME, _SAME),
    # migration/savevm.c: qemu_loadvm_state_main() and what it calls
    (
        "section-type",
        "MR001",
        "Unknown savevm section type {value}",
        "Unknown section type {value}",
        _SAME,
    ),
    # Up to 10.1, QEMU only writes the common prefix for the first and the last of these.
    (
        "type-cut",
        "MR002",
        None,
        "Failed to load section ID: stream error: -5: Channel error: Input/output error",
        _SAME,
    ),
    (
        "header-of-start-cut",
        "MR002",
        "qemu_loadvm_section_start_full: Failed to read instance/version ID: -5",
        "Failed to read instance/version ID: -5",
        _SAME,
    ),
    (
        "header-of-part-cut",
        "MR002",
        "qemu_loadvm_section_part_end: Failed to read section ID: -5",
        "Failed to read section ID: -5",
        _SAME,
    ),
    (
        "command-cut",
        "MR002",
        None,
        "Failed to load VM process command: stream error: -5",
        _SAME,
    ),
    ("section-name", "MR021", "Unable to read ID string for section {section_id}", _SAME, _SAME),
    ("section", "MR065", "Unknown savevm" + _SECTION, "Unknown" + _SECTION, _SAME),
    ("ram-instance", "MR027", "Unknown savevm" + _SECTION, "Unknown" + _SECTION, _SAME),
    (
        "section-version",
        "MR026",
        "savevm: unsupported version {version} for '{idstr}' v{local}",
        "unsupported version {version} for '{idstr}' v{local}",
        _SAME,
    ),
    (
        "device-version",
        "MR065",
        "savevm: unsupported version {version} for '{idstr}' v{local}",
        "unsupported version {version} for '{idstr}' v{local}",
        _SAME,
    ),
    (
        "section-id",
        "MR022",
        "Unknown savevm section {section_id}",
        "Unknown section {section_id}",
        _SAME,
    ),
    ("footer-cut", "MR002", "check_section_footer: Read section footer failed: -5", _SAME, _SAME),
    ("footer-missing", "MR025", "Missing section footer for {idstr}", _SAME, _SAME),
    (
        "footer-id",
        "MR024",
        "Mismatched section id in footer for {idstr} - read {received:#x} expected {local:#x}",
        _SAME,
        _SAME,
    ),
    ("device", "MR065", None, None, None),
    # The text at the end of a file does not tell which field is incomplete.
    ("device-cut", "MR002", None, None, None),
    (
        "hook",
        E_VAPIC,
        "error while loading state for instance {instance_id:#x} of device '{idstr}'",
        "error while loading state for instance {instance_id:#x} of device '{idstr}': post load"
        " hook failed for: {idstr}, version_id: {version}",
        _SAME,
    ),
    # migration/global_state.c: global_state_post_load(). No rule judges the contents of devices.
    ("run-state", "MR061", "invalid parameter value: {state}", _SAME, _SAME),
    (
        "device-too-new",
        "MR065",
        "{name}: incoming version_id {version} is too new for local version_id {local}",
        _SAME,
        _SAME,
    ),
    # migration/savevm.c: loadvm_process_command() and what it calls
    ("command", "MR031", "MIG_CMD {number:#x} unknown (len {length:#x})", _SAME, _SAME),
    (
        "command-of-others",
        E_SWITCHOVER,
        "MIG_CMD {number:#x} unknown (len {length:#x})",
        _SAME,
        _SAME,
    ),
    (
        "command-deprecated",
        "MR033",
        None,
        "MIG_CMD {number:#x} deprecated (len {length:#x})",
        _SAME,
    ),
    (
        "command-length",
        "MR032",
        "{name} received with bad length - expecting {expected}, got {length}",
        _SAME,
        _SAME,
    ),
    ("ping", "MR033", "CMD_PING ({data:#x}) received with no return path", _SAME, _SAME),
    ("postcopy-state", "MR033", "CMD_{name} in wrong postcopy state ({state})", _SAME, _SAME),
    ("advise-16", "MR033", "RAM postcopy is disabled but have 16 byte advise", _SAME, _SAME),
    ("advise-length", "MR032", "CMD_POSTCOPY_ADVISE invalid length ({length})", _SAME, _SAME),
    ("command-refused", "MR033", None, None, None),
    (
        "colo-off",
        "MR063",
        "ENABLE_COLO command come in migration stream, but {name} capability is not set",
        _SAME,
        _SAME,
    ),
    # migration/ram.c: ram_load_precopy() and what it calls
    (
        "ram-version",
        "MR026",
        "error while loading state for instance 0x0 of device 'ram'",
        _SAME,
        _SAME,
    ),
    ("ram-word-cut", "MR002", "Getting RAM address failed", _SAME, _SAME),
    ("ram-flags-unexpected", "MR001", "Unexpected RAM flags: {flags}", _SAME, _SAME),
    ("ram-flags", "MR001", "Unknown combination of migration flags: {flags:#x}", _SAME, _SAME),
    ("block", "MR064", 'Unknown ramblock "{idstr}", cannot accept migration', _SAME, _SAME),
    ("address", "MR001", "Mismatched GPAs for block {idstr} {received}!= {local}", _SAME, _SAME),
    (
        "header-cut",
        "MR002",
        "Could not read whole mapped-ram migration header (expected 28, got {got} bytes)",
        _SAME,
        _SAME,
    ),
    (
        "header-version",
        "MR001",
        "Migration mapped-ram capability version not supported (expected <= 1, got {version})",
        _SAME,
        _SAME,
    ),
    ("page-size-invalid", "MR204", None, None, _PAGE_SIZE),
    ("page-size-differs", "MR205", None, None, _PAGE_SIZE),
    (
        "alignment",
        "MR201",
        "Error reading ramblock {idstr} pages, region has bad alignment",
        _SAME,
        _SAME,
    ),
    ("bitmap", "MR402", "Error reading dirty bitmap", _SAME, _SAME),
    ("page-outside", "MR301", "page outside of ramblock {idstr} range", _SAME, _SAME),
    (
        "page-cut",
        "MR002",
        _PAGE + "Partial read of size {got}, expected {wanted}",
        _SAME,
        _PAGE + "Unexpected end-of-file before all data were read",
    ),
    (
        "page-place",
        "MR001",
        _PAGE + "Unable to read from file: Invalid argument",
        _SAME,
        _SAME,
    ),
    (
        "page-not-mapped",
        "MR301",
        _PAGE + "Partial read of size {got}, expected {wanted}",
        _SAME,
        None,
    ),
    ("seek", "MR001", None, None, None),
    ("too-many-bits", "MR301", None, None, None),
)

# Without mapped-ram: parse_ramblock(), ram_load_precopy() and what they call; up to 9.0, those of
# `compress` and migration/block.c.
#   way | rule | 9.0 to 10.1 | 10.2 and 11.0 | since 11.1
_WITHOUT_MAPPED_RAM: tuple[tuple[str, str, str | None, str | None, str | None], ...] = (
    ("block-length", "MR064", "Size mismatch: {idstr}: {received:#x} != {local:#x}", _SAME, _SAME),
    (
        "block-too-long",
        "MR064",
        "Size too large: {idstr}: {received:#x} > {local:#x}",
        _SAME,
        _SAME,
    ),
    ("record-before-block", "MR001", "Ack, bad migration stream!", _SAME, _SAME),
    ("record-block", "MR001", "Can't find block {idstr}", _SAME, _SAME),
    ("record-ignored", "MR001", "block {idstr} should not be migrated !", _SAME, _SAME),
    ("record-outside", "MR001", "Illegal RAM offset {offset:x}", _SAME, _SAME),
    ("record-fill", "MR001", "Found a zero page with value {value}", _SAME, _SAME),
    (
        "start-cut",
        "MR002",
        "error while loading state for instance 0x0 of device 'ram'",
        _SAME,
        _SAME,
    ),
    (
        "part-cut",
        "MR002",
        "error while loading state section id {section_id}(ram)",
        "Failed to load vmstate version_id: {version}, ret: -5",
        _SAME,
    ),
    ("xbzrle-encoding", "MR001", _XBZRLE + "wrong compression!", _SAME, _SAME),
    ("xbzrle-length", "MR001", _XBZRLE + "len overflow!", _SAME, _SAME),
    ("xbzrle-decode", "MR001", _XBZRLE + "decode error!", _SAME, _SAME),
    ("xbzrle-cut", "MR002", None, None, None),
    ("compressed-length", "MR001", "Invalid compressed data length: {length}", None, None),
    ("compressed-decode", "MR001", "decompress data failed", None, None),
    ("advise-0", "MR033", "RAM postcopy is enabled but have 0 byte advise", _SAME, _SAME),
    (
        "advise-page-size",
        "MR033",
        "Postcopy needs matching target page sizes (s={received} d={local})",
        _SAME,
        _SAME,
    ),
    ("disk-record", "MR001", "Unknown block migration flags: {flags:#x}", None, None),
    ("disk-cut", "MR002", None, None, None),
)

#   way | what it is | rule
_OTHERS: tuple[tuple[str, Outcome, str], ...] = (
    ("division-by-zero", "crashes", "MR204"),
    ("allocation", "crashes", "MR001"),
    ("run-state-unreachable", "crashes", "MR061"),
    ("length-rounded-to-none", "crashes", "MR064"),
    ("device-unknown", "loads", "MR004"),
    ("postcopy-listen", "loads", "MR033"),
    ("loop", "hangs", "MR001"),
    ("too-many-records", "hangs", "MR001"),
)


def _spread(said: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The words of each group, with `_SAME` replaced by the words it repeats."""
    words: list[str | None] = []
    for one in said:
        words.append(words[-1] if one == _SAME else one)
    return tuple(words)


ENDINGS: dict[str, Ending] = {
    way: Ending("refuses", code, _spread(tuple(words)))
    for way, code, *words in (*_REFUSALS, *_WITHOUT_MAPPED_RAM)
} | {way: Ending(outcome, code) for way, outcome, code in _OTHERS}


#: Ways that were not measured with every release; the others were read in the source.
READ = frozenset(
    (
        *("address", "advise-16", "advise-length", "colo-off", "command-deprecated"),
        *("command-refused", "device-cut", "device-unknown", "footer-cut", "header-of-start-cut"),
        *("length-rounded-to-none", "loop", "machine-impossible", "no-machine"),
        *("obsolete-version", "page-bits", "run-state"),
        "run-state-unreachable",
        *("page-not-mapped", "ping", "postcopy-listen", "seek", "too-many-bits"),
        *("too-many-records", "uuid"),
        *(way for way, *_ in _WITHOUT_MAPPED_RAM),
    )
)


class EndedError(Exception):
    """The loader stopped before the end of the stream.

    Args:
        way: which way, by its name in `ENDINGS`.
        noticed: rules broken earlier without an error from the loader; they may be the cause.
        cut: whether the file ends there, which is then the cause.
        certain: see `Verdict`.
        at: offset of the field to blame; None for the one read last.
        multifd: outcome with multifd, if it differs.
        values: values for the words.
    """

    def __init__(
        self,
        way: str,
        *noticed: str,
        cut: bool = False,
        certain: bool = True,
        at: int | None = None,
        multifd: Outcome | None = None,
        **values: object,
    ) -> None:
        super().__init__(way)
        self.way = way
        self.ending = ENDINGS[way]
        self.codes = tuple(dict.fromkeys((*noticed, "MR002" if cut else self.ending.code)))
        self.certain = certain
        self.at = at
        self.multifd = multifd
        self.values = values

    def message(self, release: str) -> str | None:
        """The message of a release; None if unknown."""
        words = self.ending.said_by(release)
        return None if words is None else words.format(**self.values)
