"""Names in a file: what no QEMU calls anything, and how to show it all the same."""


def danger(name: str) -> str | None:
    """What makes a name dangerous to whoever shows it or takes it for a path; None if nothing does.

    A slash does not: names of ROMs begin with one. Source: QEMU hw/core/loader.c, rom_set_mr().
    """
    if any(char < " " or char == "\x7f" for char in name):
        return "control characters"
    if not {".", ".."}.isdisjoint(name.split("/")):
        return "a step such as `..`"
    return None
