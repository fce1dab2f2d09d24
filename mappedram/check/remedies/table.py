"""The remedies, by the code of the rule.

Each code has texts from the most to the least specific; the first one whose placeholders all have a
value is used, and the last one needs none. A part in square brackets is left out if a placeholder
inside has no value. A placeholder has a value only if it helps with this file: `{repair}` if
`mappedram repair` removes the finding, `{extract}` if there is memory to extract, `{loads}` if a
release of QEMU loads the file. `mappedram.check.remedies.advice` has the values.
"""

_AGAIN = "Copy the file again, or save again"
_ORIGINAL = "Use the original file that QEMU wrote"
_EXTRACT = "[; {extract} writes its memory]."
_PROVEN = "Run {repair}: the rest of the file proves the right value."
_LOADS = "None needed: it loads with {loads}."
_FIX = "Fix the program that wrote the file: QEMU never writes this."
_SAME_BUILD = "Load it with the build of QEMU that wrote it"
_OLD_DESCRIPTION = (
    "None needed for loading with {loads}; fields of devices may be shown with wrong values."
)

#: Texts by code.
REMEDIES: dict[str, tuple[str, ...]] = {
    "MR001": (
        _PROVEN,
        "Use {elsewhere}: a stream begins there.",
        f"{_AGAIN}{_EXTRACT}",
    ),
    "MR002": (
        f"{_AGAIN}; {{rescue}} makes its memory readable.",
        "Use {elsewhere}: a stream begins there.",
        f"{_AGAIN}; {{extract}} writes the memory before this place.",
        f"{_AGAIN}: it ends before any memory.",
    ),
    "MR003": (
        "Run {repair}: it rebuilds the bitmaps and writes END of RAM.",
        "Save again without `background-snapshot`.",
    ),
    "MR004": (
        "Use {elsewhere}: a stream begins there.",
        "{advice}",
        "Use the memory as usual: {extract}.",
        "Choose another file: this one contains no stream of QEMU that can be read.",
    ),
    "MR005": (
        "Report this bug with the output of {metadump}, which contains no guest memory.",
        "Report this bug of `mappedram`.",
    ),
    "MR006": (f"{_AGAIN}: without START of RAM, no memory can be found in it.",),
    "MR007": (
        "Load it as {hint} prints it, with `-global migration.send-configuration=off`.",
        "Load it with `-global migration.send-configuration=off`.",
    ),
    "MR008": (
        "Load it with {loads}, or with the build of QEMU that wrote it.",
        f"{_SAME_BUILD}{_EXTRACT}",
    ),
    "MR009": (f"{_SAME_BUILD}, or copy it again{_EXTRACT}",),
    "MR010": (_LOADS, _FIX),
    "MR012": (
        "None needed: {restore} loads it[; {convert} makes single pages readable].",
        "None needed: QEMU loads it with {loadvm}[; {convert} makes single pages readable].",
        "Load it with the capability `mapped-ram` disabled[, or run {convert}].",
    ),
    "MR013": (_LOADS, _FIX),
    "MR014": (f"{_ORIGINAL}: its capabilities or its blocks were changed{_EXTRACT}",),
    "MR015": ("Load it only on the machine type that saved it: QEMU does not compare them.",),
    "MR016": (f"{_AGAIN}: its configuration is damaged{_EXTRACT}",),
    "MR017": (
        "Run {convert}, or load it with QEMU 9.0 and the capability `compress`.",
        "Load it with QEMU 9.0 and the capability `compress`.",
    ),
    "MR018": ("None needed: load it like any other stream.",),
    "MR019": ("Load it with `xen-load-devices-state`; to save memory as well, use `migrate`.",),
    "MR020": (
        "Use the memory as usual[: {extract}]; save with footers to have the devices checked.",
    ),
    "MR021": (f"{_AGAIN}: nothing shows which device this was{_EXTRACT}",),
    "MR022": (f"{_AGAIN}: nothing shows which device this was{_EXTRACT}",),
    "MR023": (
        "None needed if both sections are the same: it loads with {loads}, which use the later"
        " one.",
        _FIX,
    ),
    "MR024": ("Run {repair}: the section provably ends there.", f"{_AGAIN}{_EXTRACT}"),
    "MR025": (f"{_AGAIN}: the footer, or the payload before it, is damaged{_EXTRACT}",),
    "MR026": (f"{_SAME_BUILD}: no release up to 11.1 uses this version{_EXTRACT}",),
    "MR027": (f"{_ORIGINAL}: no release has a second RAM device{_EXTRACT}",),
    "MR028": ("Do not trust the file: QEMU never writes such a name.",),
    "MR031": (f"{_SAME_BUILD}: no release up to 11.1 has this command{_EXTRACT}",),
    "MR032": (f"{_ORIGINAL}: this command has another length in it{_EXTRACT}",),
    "MR033": (
        "None needed: it loads with {loads}; next time, save without `return-path`,"
        " `switchover-ack` and `x-colo`.",
        f"Save again without `return-path`, `switchover-ack` and `x-colo`{_EXTRACT}",
    ),
    "MR034": (_LOADS, _FIX),
    "MR041": (
        "None needed: QEMU loads it without; for a description, save without `suppress-vmdesc=on`.",
    ),
    "MR042": (
        "None needed for loading with {loads}; copy the file again to have its devices decoded.",
        f"{_AGAIN}{_EXTRACT}",
    ),
    "MR043": ("Run {repair}: it removes these bytes.", _LOADS, "None needed for loading."),
    "MR044": (_OLD_DESCRIPTION, f"{_ORIGINAL}{_EXTRACT}"),
    "MR045": (_OLD_DESCRIPTION, f"{_ORIGINAL}{_EXTRACT}"),
    "MR046": (_OLD_DESCRIPTION, f"{_ORIGINAL}{_EXTRACT}"),
    "MR047": (_OLD_DESCRIPTION, f"{_ORIGINAL}{_EXTRACT}"),
    "MR051": (f"{_ORIGINAL}, or give each live device its own section_id{_EXTRACT}",),
    "MR052": (_LOADS, _FIX),
    "MR053": (f"Save again: the final state of this device is missing{_EXTRACT}",),
    "MR054": (_LOADS, _FIX),
    "MR060": (
        "Load it with {loads}, which has the machine type.",
        "Load it with a release that has the machine type[; {extract} writes its memory].",
    ),
    "MR061": (
        "{erratum}",
        "Look up QEMU's message with {explain}[; {extract} writes its memory].",
        "Use another release or build of QEMU[; {extract} writes its memory].",
    ),
    "MR062": ("Load it only with {loads}.", "Save again with another release of QEMU."),
    "MR063": (
        "Start the destination as {hint} prints it, or choose another `--destination`.",
        "Choose another `--destination`.",
    ),
    "MR064": (
        "Give the destination the memory, devices and ROM files that {hint} lists.",
        "Give the destination the RAM block, with the same length.",
    ),
    "MR065": (
        "Give the destination the devices that {hint} lists, on the same machine type.",
        "Give the destination this device, on the same machine type.",
    ),
    "MR101": ("Fix the program that wrote the file: nothing shows which block is right.",),
    "MR102": ("Run {repair}: it writes the sum of the blocks.", f"{_ORIGINAL}{_EXTRACT}"),
    "MR103": (_FIX,),
    "MR104": (_PROVEN, f"{_ORIGINAL}{_EXTRACT}"),
    "MR105": (_LOADS, _FIX),
    "MR106": (_LOADS, _FIX),
    "MR107": (f"{_AGAIN}: without this list, no memory can be found in it.",),
    "MR108": (f"Fix the program that wrote the file: QEMU has no block of length 0{_EXTRACT}",),
    "MR109": ("Do not trust the file[; {extract} percent-encodes the name].",),
    "MR201": (
        _PROVEN,
        "Run {convert}: it moves the pages to an aligned offset, if they really are here.",
        f"{_ORIGINAL}{_EXTRACT}",
    ),
    "MR202": (
        "None needed: it loads with {loads}[; {convert} aligns the pages to 1 MiB].",
        f"{_ORIGINAL}[, or run {{convert}}].",
    ),
    "MR203": (
        _PROVEN,
        "None needed if the pages really are here[; {convert} writes QEMU's layout].",
    ),
    "MR204": (_PROVEN, f"{_ORIGINAL}{_EXTRACT}"),
    "MR205": (_PROVEN, f"{_ORIGINAL}{_EXTRACT}"),
    "MR206": ("Run {repair}: it writes 1.", _LOADS, f"{_ORIGINAL}{_EXTRACT}"),
    "MR207": (
        "Run {repair}: a bitmap of these pages follows the header; do not convert the file first.",
        "None needed if the bitmap really is here; otherwise, use the original file.",
    ),
    "MR208": (_PROVEN, f"{_ORIGINAL}{_EXTRACT}"),
    "MR209": (
        "Keep the file of the shared memory unchanged, and load both with {loads}.",
        "Save again without `x-ignore-shared` to have all memory in the file.",
    ),
    "MR210": ("Save again with `x-ignore-shared`, or in a mode other than `cpr-exec`.",),
    "MR211": ("None needed[: it loads with {loads}][; {convert} aligns the pages to 1 MiB].",),
    "MR301": (
        "Run {repair}: it clears these bits.",
        "Compare the memory with the guest: the bitmap may have another byte order.",
    ),
    "MR302": ("None needed if the file was copied with holes; save again if the disk was full.",),
    "MR303": ("None needed: QEMU follows the bitmap[; {convert} drops the old bytes].",),
    "MR304": (
        "Run {repair}: it sets a bit for each page with data.",
        f"{_AGAIN}: nothing shows which pages were saved.",
    ),
    "MR305": (
        "Load it on a big-endian host[; for others, {stream} writes a stream without bitmaps].",
    ),
    "MR401": (_PROVEN, f"{_ORIGINAL}{_EXTRACT}"),
    "MR402": (_PROVEN, f"{_AGAIN}{_EXTRACT}"),
    "MR403": ("None needed: QEMU does not read these bytes[; {padding} writes zeros].",),
    "MR404": (
        _PROVEN,
        "Use the whole file that the stream was cut from[; {extract} writes its memory].",
    ),
    "MR501": (
        "Run {repair}, if the guest has not run since: its disks would be newer. Then `virsh"
        " restore` loads it.",
        "Save again with `virsh save`.",
    ),
    "MR502": (
        "Save again with `virsh save`; {rescue} makes its memory readable.",
        f"Save again with `virsh save`{_EXTRACT}",
    ),
    "MR503": (
        "Run {repair}: it writes the right format.",
        "Run {image}: it writes a new image with the right format.",
        f"{_AGAIN} with `virsh save`{_EXTRACT}",
    ),
    "MR504": ("Run {image}: it writes version 2.", f"Save again with `virsh save`{_EXTRACT}"),
    "MR505": (
        "Run {image_with_xml}, with domain.xml from `virsh dumpxml --migratable --security-info`.",
        f"Save again with `virsh save`{_EXTRACT}",
    ),
    "MR506": (
        "Run {image_with_cookie}, with the cookie of another image of this domain.",
        f"Save again with `virsh save`{_EXTRACT}",
    ),
    "MR507": (
        "None needed: libvirt does not read these bytes[; {image} writes an image without them].",
    ),
    "MR508": ("None needed: libvirt accepts either byte order.",),
    "MR509": (f"{_AGAIN} with `virsh save`: it contains no memory.",),
    "MR510": (f"{_AGAIN} with `virsh save`[; {{extract}} writes the memory before this place].",),
}
