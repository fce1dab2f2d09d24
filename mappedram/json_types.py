"""Types of JSON values in Python, for documents that are read or printed."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

#: Any JSON value. Lists and objects from a document are `list` and `dict`.
Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
