"""JSON as Python has it: what a document that was read holds, and what can be printed as one."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

#: Any value. Lists and objects that were read are `list` and `dict`.
Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
