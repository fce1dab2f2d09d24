"""Repair damaged snapshots, as far as the file itself proves the right bytes.

A repair is planned, judged as if it were made, and then made in a copy or in place. Pages are never
changed. Finding the damage belongs in `check`: each repair answers one of its rules.

>>> done = mappedram.repair("damaged.mapped-ram", "mended.mapped-ram")
>>> done.report.verdict, [change.to_dict() for change in done.changes]

Imports: callable_module, errors, io, stream, check.
"""

from mappedram.callable_module import make_callable
from mappedram.check.repairs.change import Change, Repair
from mappedram.check.repairs.table import REPAIRS
from mappedram.repair.files import Repaired, repair
from mappedram.repair.plan import RepairPlan, plan
from mappedram.repair.write import write_copy, write_in_place

make_callable(__name__)

__all__ = [
    "REPAIRS",
    "Change",
    "Repair",
    "RepairPlan",
    "Repaired",
    "plan",
    "repair",
    "write_copy",
    "write_in_place",
]
