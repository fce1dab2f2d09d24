"""Rules that no file breaks, or that no file breaks alone, with the reasons."""

#: No file breaks these rules.
NOT_BY_A_FILE = {
    "MR005": "the two drivers agree on every known file; a file that breaks it shows a bug",
    "MR062": "a release restores wrong memory from a valid file only through a defect of its own",
    "MR063": "the file is valid; only the destination that the user names does not match it",
    "MR064": "the file is valid; only the destination that the user names does not match it",
    "MR065": "the file is valid; only the destination that the user names does not match it",
}

#: Rules that are only broken together with others, with the reasons.
NOT_ALONE = {
    "MR014": {"MR001": "a header that is read eight bytes too late has an invalid version"},
    "MR017": {"MR012": "only streams without mapped-ram have compressed pages"},
    "MR018": {"MR012": "only a stream without mapped-ram is complete without END of RAM"},
    "MR019": {"MR041": "a stream with only devices has no description"},
    "MR032": {"MR033": "only commands without data belong in a file"},
    "MR061": {"MR033": "no other valid content makes all releases refuse a stream"},
    "MR210": {
        "MR061": "no release loads a block without data if x-ignore-shared is not listed",
        "MR209": "a block without data is always reported",
    },
    "MR401": {"MR207": "overlapping parts are not at their usual offsets"},
    "MR402": {"MR207": "a bitmap outside the file is not at its usual offset"},
    "MR404": {"MR207": "a bitmap before the stream is not at its usual offset"},
    "MR502": {"MR002": "an unfinished image contains an incomplete stream"},
    "MR509": {"MR004": "without the beginning of a stream, nothing can be parsed"},
}

#: Every file that is not aligned to 1 MiB breaks this one.
ALIGNMENT_NOTE = "MR211"
