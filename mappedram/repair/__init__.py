"""Repair damaged snapshots with what the file itself proves.

A repair is planned, judged as if it were made, and then made in a copy or in place. Pages are never
changed. Finding the damage belongs in `check`: each repair answers one of its rules.

>>> from mappedram.repair import plan, write_copy
>>> with open_source("damaged.mapped-ram") as source:
...     todo = plan(source)
...     todo.report.verdict, [change.to_dict() for change in todo.changes]

Imports: errors, json_types, sizes, format, io, stream, check.
"""

from mappedram.repair.change import Change, Repair
from mappedram.repair.plan import RepairPlan, plan
from mappedram.repair.table import REPAIRS
from mappedram.repair.write import write_copy, write_in_place

__all__ = ["REPAIRS", "Change", "Repair", "RepairPlan", "plan", "write_copy", "write_in_place"]
