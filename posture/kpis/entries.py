"""One entry of kpis.yaml into a card; every mistake is named with file, entry and remedy."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from posture.kpis.cards import Kpi, Part, Unit

# The values of findings.models.Area, and "" for what is of no single one; a test compares them.
AREAS: Final = (
    "",
    "CULTURE",
    "ACCOUNT_MANAGEMENT",
    "IDENTITY",
    "DATA_PROTECTION",
    "SECURE_DEPLOYMENT",
    "MONITORING",
    "VULNERABILITY",
)
REACHES: Final = ("cells", "episodes", "facts", "now")
# What an organisation may agree on otherwise.
AGREED: Final = ("target", "amber", "owner", "agreed_by", "agreed_on", "next_review")
_CARD: Final = frozenset(
    [
        "slug",
        "name",
        "question",
        "area",
        "unit",
        "better",
        "formula",
        "formula_version",
        "sources",
        "owner",
        "target",
        "amber",
        "target_note",
        "exceptions",
        "missing_data",
        "agreed_by",
        "agreed_on",
        "next_review",
        "parts",
        "fill",
        "reach",
        "pair",
        "pages",
        "weighted",
    ]
)
_OPTIONAL: Final = frozenset({"target_note", "parts", "pair", "pages", "weighted"})
_PART: Final = frozenset(["name", "unit", "better", "target", "amber", "weighted"])
_PART_OPTIONAL: Final = frozenset({"target", "amber", "weighted"})
_BETTER: Final = {"higher": True, "lower": False}
_SIGNS: Final = {
    Unit.PERCENT: "%",
    Unit.COUNT: "",
    Unit.RATE: " in 100",
    Unit.DAYS: " days",
    Unit.SCORE: "",
}
_T = TypeVar("_T")


class BadKpis(ValueError):
    """A file of KPIs is missing or wrong; the text names file, entry and remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The content of one entry, and where it stands."""

    file: str
    name: str
    content: Any

    def kpi(self, agreed: "Entry | None", *, target_version: int, is_headline: bool) -> Kpi:
        """:raises BadKpis: something is missing, unknown or of another kind than it should be."""
        self.keys(_CARD, optional=_OPTIONAL)
        both = self if agreed is None else self.under(agreed)
        is_better_higher = self.one_of("better", _BETTER)
        unit = self.one_of("unit", {str(one): one for one in Unit})
        target, amber = both.bounds(is_better_higher=is_better_higher)
        return Kpi(
            id=self.name,
            slug=self.text("slug"),
            name=self.text("name"),
            question=self.text("question"),
            area=self.one_of("area", {one: one for one in AREAS}),
            is_headline=is_headline,
            unit=unit,
            is_better_higher=is_better_higher,
            formula=self.text("formula"),
            sources=self.texts("sources"),
            owner=both.text("owner"),
            target=target,
            amber=amber,
            target_text=_words(unit, target, amber, is_better_higher, self.note()),
            exceptions=self.text("exceptions"),
            missing_data=self.text("missing_data"),
            agreed_by=both.maybe("agreed_by", str),
            agreed_on=both.maybe("agreed_on", date),
            next_review=both.maybe("next_review", date),
            formula_version=self.number("formula_version"),
            target_version=target_version,
            parts=both.parts(),
            fill=self.fill(),
            reach=self.one_of("reach", {one: one for one in REACHES}),
            pair=self.texts("pair"),
            pages=self.texts("pages"),
            is_weighted=self.flag("weighted"),
        )

    def fail(self, problem: str, remedy: str) -> BadKpis:
        return BadKpis(f"{self.file}, {self.name}: {problem}. {remedy}")

    def under(self, agreed: "Entry") -> "Entry":
        """This entry with what has been agreed on laid over it; mistakes are named in its file."""
        content = self.content | {k: v for k, v in agreed.content.items() if k != "parts"}
        own = dict(self.mapping("parts"))
        for part, changes in agreed.mapping("parts").items():
            if part not in own:
                known = ", ".join(own) or "none"
                raise agreed.fail(f"there is no part {part!r}", f"Known are: {known}.")
            own[part] = own[part] | changes
        return Entry(agreed.file, agreed.name, content | {"parts": own})

    def keys(self, known: frozenset[str], *, optional: frozenset[str]) -> None:
        if not isinstance(self.content, dict):
            raise self.fail("is empty", f"Give it {', '.join(sorted(known - optional))}.")
        unknown = sorted(set(map(str, self.content)) - known)
        if unknown:
            raise self.fail(
                f"{unknown[0]!r} is not known", f"Known are {', '.join(sorted(known))}."
            )
        missing = sorted(known - optional - set(self.content))
        if missing:
            raise self.fail(f"lacks {', '.join(missing)}", "Add it.")

    def text(self, key: str) -> str:
        found = self.content[key]
        if not isinstance(found, str) or not found.strip():
            raise self.fail(f"{key} is {found!r}", "It should be a text.")
        return " ".join(found.split())

    def note(self) -> str:
        return self.text("target_note") if "target_note" in self.content else ""

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.content.get(key) or []
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
            raise self.fail(f"{key} is {found!r}", "It should be a list of texts.")
        return tuple(found)

    def mapping(self, key: str) -> dict[Any, Any]:
        found = self.content.get(key) or {}
        if not isinstance(found, dict):
            raise self.fail(f"{key} has no entries", f"Name each entry, or leave {key} out.")
        return found

    def number(self, key: str) -> int:
        found = self.content[key]
        if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= 32_767:
            raise self.fail(f"{key} is {found!r}", "It should be a whole number from 1 to 32767.")
        return found

    def flag(self, key: str) -> bool:
        found = self.content.get(key, False)
        if not isinstance(found, bool):
            raise self.fail(f"{key} is {found!r}", "It should be true or false.")
        return found

    def one_of(self, key: str, known: dict[str, _T]) -> _T:
        found = self.content[key]
        if not isinstance(found, str) or found not in known:
            names = ", ".join(repr(one) for one in known)
            raise self.fail(f"{key} is {found!r}", f"It should be one of {names}.")
        return known[found]

    def maybe(self, key: str, kind: type[_T]) -> _T | None:
        """What may be left open: null, or a value of this kind."""
        found = self.content[key]
        if found is None or (isinstance(found, kind) and found != ""):
            return found
        wanted = "a date such as 2026-11-30" if kind is date else "a name"
        raise self.fail(f"{key} is {found!r}", f"It should be {wanted}, or null.")

    def bounds(self, *, is_better_higher: bool) -> tuple[Decimal | None, Decimal | None]:
        target, amber = self._decimal("target"), self._decimal("amber")
        if amber is None:
            return target, amber
        if target is None:
            raise self.fail("amber has no target", "Add a target, or set amber to null.")
        if (amber >= target) if is_better_higher else (amber <= target):
            worse = "below" if is_better_higher else "above"
            raise self.fail(
                f"amber is {amber}, the target {target}", f"Amber should be {worse} it."
            )
        return target, amber

    def _decimal(self, key: str) -> Decimal | None:
        found = self.content.get(key)
        if found is None:
            return None
        try:
            if isinstance(found, int | float | str) and not isinstance(found, bool):
                amount = Decimal(str(found))
                if amount.is_finite():
                    return amount
        except InvalidOperation:
            pass
        raise self.fail(f"{key} is {found!r}", "It should be a number, or null.")

    def parts(self) -> tuple[Part, ...]:
        return tuple(
            Entry(self.file, f"{self.name}, part {part}", content).part(str(part))
            for part, content in self.mapping("parts").items()
        )

    def part(self, part: str) -> Part:
        self.keys(_PART, optional=_PART_OPTIONAL)
        if len(part) > 24:
            raise self.fail("its id is too long", "It should have 24 characters at most.")
        is_better_higher = self.one_of("better", _BETTER)
        target, amber = self.bounds(is_better_higher=is_better_higher)
        return Part(
            id=part,
            name=self.text("name"),
            unit=self.one_of("unit", {str(one): one for one in Unit}),
            is_better_higher=is_better_higher,
            target=target,
            amber=amber,
            is_weighted=self.flag("weighted"),
        )

    def fill(self) -> str:
        kind, _, name = self.text("fill").partition(":")
        if kind not in ("sql", "function") or not name:
            raise self.fail(
                f"fill is {self.content['fill']!r}",
                "It should be sql:<file>, or function:<name>.",
            )
        return f"{kind}:{name}"


def _words(
    unit: Unit, target: Decimal | None, amber: Decimal | None, is_better_higher: bool, note: str
) -> str:
    """The target as people say it: "at least 90%, watch from 80%"."""
    if target is None:
        return note or "none set"
    sign = _SIGNS[unit]
    limit, toward = ("at least", "from") if is_better_higher else ("at most", "up to")
    is_whole = unit is Unit.PERCENT and target == (100 if is_better_higher else 0)
    said = f"{target}{sign}" if is_whole else f"{limit} {target}{sign}"
    if amber is not None:
        said += f", watch {toward} {amber}{sign}"
    return f"{said}; {note}" if note else said
