"""Rules that no file breaks, or none alone, with the reasons."""

#: No file breaks these rules.
NOT_BY_A_FILE = {
    "MR005": "the two drivers agree on every file that is known; one that breaks it shows a bug",
    "MR062": "no release restores wrong memory from a sound file, but for a defect of its own",
    "MR063": "the file is sound, and only a destination that somebody names does not fit it",
    "MR064": "the file is sound, and only a destination that somebody names does not fit it",
    "MR065": "the file is sound, and only a destination that somebody names does not fit it",
}

#: Rules that are only broken together with others, with the reasons.
NOT_ALONE = {
    "MR014": {"MR001": "read eight bytes on, a header has an impossible version"},
    "MR017": {"MR012": "there are compressed pages only in streams without mapped-ram"},
    "MR018": {"MR012": "only a stream without mapped-ram can do without END of RAM"},
    "MR019": {"MR041": "a description is not written with devices alone"},
    "MR032": {"MR033": "no command that belongs in a file has data of two lengths"},
    "MR061": {
        "MR033": "nothing else that is allowed in a stream keeps all releases from loading it"
    },
    "MR210": {
        "MR061": "no release takes two zero offsets for a block without data, unannounced",
        "MR209": "a block without data is worth a note, announced or not",
    },
    "MR401": {"MR207": "what overlaps is not in its usual place"},
    "MR402": {"MR207": "a bitmap outside of the file is not in its usual place"},
    "MR404": {"MR207": "a bitmap before the stream is not in its usual place"},
    "MR502": {"MR002": "an image that was not finished holds a stream that does not end"},
    "MR509": {"MR004": "where no stream begins, there is none to be followed"},
}

#: Every file that is not aligned to 1 MiB breaks this one.
ALIGNMENT_NOTE = "MR211"
