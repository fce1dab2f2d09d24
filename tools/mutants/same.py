"""Changes after which everything is as before, and why."""

#: File, and the change in words, to the reason.
SAME: dict[tuple[str, str], str] = {}
