"""Rules about one field: the declaration in `mappedram.format` has them, one loop judges them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

from construct import Array, Construct

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place
from mappedram.check.registry import rule
from mappedram.format import ELEMENTS
from mappedram.format.judged import FieldRule, Severity, Values
from mappedram.format.members import members
from mappedram.stream.model import Element


@dataclass(frozen=True, slots=True)
class Broken:
    """A field that does not hold what its rule demands.

    Attributes:
        element: the structure on the wire, with its values.
        values: those of the structure that has the field, which may stand within the other.
        value: that of the field.
        expected: what the rule demands, in short.
    """

    element: Element
    values: Values
    value: Any
    expected: str

    @property
    def idstr(self) -> str:
        """The name of the block, the section or the subsection that the field belongs to."""
        return str(self.element.values["idstr"])


#: What a finding says: one sentence.
Sentence = Callable[[Broken], str]


@dataclass(frozen=True)
class Spot:
    """Where a field stands in a structure on the wire, and a rule about it.

    Attributes:
        kind: the structure, by its name in the spec.
        steps: the fields that lead to the structure that has the field.
        name: the field.
        rule: the rule.
        in_list: whether one of the steps leads to a list.
    """

    kind: str
    steps: tuple[str, ...]
    name: str
    rule: FieldRule
    in_list: bool

    def holds(self, values: Values) -> bool:
        """Whether a structure with these values keeps the rule for certain; as nearly all do."""
        if self.in_list:
            return False
        owner: Values | None = values
        for step in self.steps:
            owner = owner.get(step) if owner else None
        value = owner.get(self.name) if owner else None
        return owner is None or value is None or self.rule.broken(value, owner) is None

    def broken(self, element: Element) -> Iterator[tuple[str, Broken]]:
        """The fields of one structure that break the rule, by path."""
        for prefix, values in _within(element.values, self.steps):
            value = values.get(self.name)
            validity = None if value is None else self.rule.broken(value, values)
            if validity is not None:
                expected = validity.text(self.rule.shown)
                yield prefix + self.name, Broken(element, values, value, expected)


def _within(
    values: Values, steps: tuple[str, ...], prefix: str = ""
) -> Iterator[tuple[str, Values]]:
    """The structures that some fields lead to, by path: several where one of them is a list."""
    if not steps:
        yield prefix, values
        return
    step, *rest = steps
    member = values.get(step)
    if isinstance(member, Mapping):
        yield from _within(member, tuple(rest), f"{prefix}{step}/")
        return
    for index, entry in enumerate(member or ()):
        yield from _within(entry, tuple(rest), f"{prefix}{step}[{index}]/")


@cache
def spots() -> dict[str, tuple[Spot, ...]]:
    """The fields that each rule is about, by its code, in the order of the wire."""
    found: dict[str, tuple[Spot, ...]] = {}
    for kind, declaration in ELEMENTS.items():
        for spot in _spots(kind, declaration, (), in_list=False):
            found[spot.rule.code] = (*found.get(spot.rule.code, ()), spot)
    return found


def _spots(
    kind: str, structure: Construct, steps: tuple[str, ...], *, in_list: bool
) -> Iterator[Spot]:
    for field in members(structure):
        yield from (Spot(kind, steps, field.name, declared, in_list) for declared in field.rules)
        listed = in_list or isinstance(field.core, Array)
        for inner in field.structures:
            yield from _spots(kind, inner, (*steps, field.name), in_list=listed)


class FieldJudge:
    """One rule about a field, with the sentence that its findings say.

    Attributes:
        kind: the structures that have the field, by their name in the spec.
        severity: that of its findings.
        clause: the clause of spec/format.md that demands it.
    """

    def __init__(self, code: str, sentence: Sentence) -> None:
        self._spots = spots()[code]
        self._sentence = sentence
        self.kind: str = self._spots[0].kind
        self.severity: Severity = self._spots[0].rule.severity
        self.clause: str = self._spots[0].rule.clause

    def defects(
        self, elements: Iterable[Element], place: Callable[[Element, str], Place]
    ) -> Iterator[Defect]:
        """What the rule has to say.

        Args:
            elements: the structures of its kind.
            place: where the field with a path lies in one of them.
        """
        for element in elements:
            for spot in self._spots:
                if spot.holds(element.values):
                    continue
                for path, broken in spot.broken(element):
                    yield Defect(
                        self._sentence(broken),
                        place(element, path),
                        broken.expected or None,
                        spot.rule.shown(broken.value),
                    )


def field_rule(
    code: str, name: str, *, qemu: str, errata: tuple[str, ...] = ()
) -> Callable[[Sentence], Sentence]:
    """Register the rule with that code, which a field of the stream is declared with.

    The function makes the sentence of a finding. Its docstring has the summary, then `Why:` and
    `Remedy:`, as for `mappedram.check.registry.rule`.
    """

    def register(sentence: Sentence) -> Sentence:
        judge = FieldJudge(code, sentence)

        @wraps(sentence)
        def of_context(context: Context) -> Iterator[Defect]:
            return judge.defects(context.of_kind(judge.kind), context.field)

        rule(code, name, judge.severity, clause=judge.clause, qemu=qemu, errata=errata)(of_context)
        return sentence

    return register
