"""The next step for each finding, in one line.

`table` has the texts, `gathered` establishes which commands work on the file, `tried` which repairs
help, and `advice` joins all. Explaining a rule at length belongs in the docstring of the rule.

>>> report = mappedram.check("damaged.mapped-ram")
>>> [finding.remedy for finding in report.findings]
"""

from mappedram.check.remedies.advice import advised
from mappedram.check.remedies.gathered import facts_of, facts_without
from mappedram.check.remedies.table import REMEDIES

__all__ = [
    "REMEDIES",
    "advised",
    "facts_of",
    "facts_without",
]
