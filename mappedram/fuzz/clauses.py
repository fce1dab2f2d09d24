"""The clause of spec/format.md about each field, by its path."""

import re

#: Paths without the numbers of blocks and sections; the first match counts.
CLAUSES = tuple(
    (re.compile(pattern), clause)
    for pattern, clause in (
        (r"^/length$", "9.1.3"),
        (r"^/header/", "2.1.1"),
        (r"^/configuration/header/section_type$", "3.1.1"),
        (r"^/configuration/header/len_name$", "3.1.6"),
        (r"^/configuration/header/name$", "3.1.4"),
        (r"/body/target_page_bits$", "3.3.1"),
        (r"/body/caps_count$", "3.4.6"),
        (r"/body/capabilities", "3.4.2"),
        (r"/body/uuid$", "3.5.1"),
        (r"^/configuration/subsections\[\]/version_id$", "3.2.2"),
        (r"^/configuration/subsections", "3.2.4"),
        (r"^/ram/blocks\[\]/bitmap$", "7.1.1"),
        (r"/mapped_ram/version$", "6.1.4"),
        (r"/mapped_ram/page_size$", "6.1.5"),
        (r"/mapped_ram/bitmap_offset$", "6.2.3"),
        (r"/mapped_ram/pages_offset$", "6.2.6"),
        (r"^/ram/blocks\[\]/used_length$", "5.3.5"),
        (r"^/ram/blocks\[\]/addr$", "5.4.2"),
        (r"^/ram/blocks\[\]/(len_)?idstr$", "5.3.4"),
        (r"/mem_size/", "5.3.1"),
        (r"/records\[\]/", "9.6.2"),
        (r"/description$", "4.7.3"),
        (r"/eos/", "5.5.3"),
        (r"/footer/", "4.4.3"),
        (r"/header/section_type$", "4.1.3"),
        (r"/header/(section_id|instance_id)$", "4.2.1"),
        (r"/header/(len_)?idstr$", "4.2.2"),
        (r"/header/version_id$", "5.1.1"),
        (r"/header/(command|len_data)$", "4.5.4"),
        (r"/header/vmdesc_len$", "4.7.5"),
    )
)


def clause_of(place: str) -> str | None:
    """The number of the clause; None if no clause is about that field alone.

    Args:
        place: path of the field with `[]` for the numbers, such as `/ram/blocks[]/used_length`.
    """
    return next((clause for pattern, clause in CLAUSES if pattern.search(place)), None)
