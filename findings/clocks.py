"""Due dates: how many days a finding has, by which rule, under which version of the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import yaml

PATH: Final = Path(__file__).parent / "data" / "clocks.yaml"
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")
FACTS: Final = ("exploited", "exposed", "automatable", "total_impact")
TIERS: Final = tuple("".join(bits) for bits in product("01", repeat=4))
NEXT_UPGRADE: Final = "next-upgrade"
LONGEST_DAYS: Final = 3650


class BadClocks(ValueError):
    """A file of due-date rules that cannot be used: names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`days` is None where there is no due date; `rule` is "" where no rule applies."""

    days: int | None
    rule: str
    version: int


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What CISA says of a CVE; None where it does not say."""

    is_exploited: bool = False
    is_automatable: bool | None = None
    has_total_impact: bool | None = None


@dataclass(frozen=True, slots=True)
class Weakness:
    """A CVE that a finding names, `has_fix` None where the finding does not say."""

    has_fix: bool | None = None
    known: KnownFacts = KnownFacts()


@dataclass(frozen=True, slots=True)
class Rules:
    version: int
    severity: Mapping[str, int]
    public: Mapping[str, int]
    # By the four bits; days (None: at the next upgrade) and the rule's name.
    tiers: Mapping[str, tuple[int | None, str]]
    defaults: Mapping[str, bool]
    # Without a KEV catalogue nobody knows that a CVE is not exploited, and the tiers mean nothing.
    has_catalogue: bool = True

    def without_catalogue(self) -> "Rules":
        """The rules where no KEV catalogue has been imported: vulnerabilities go by severity."""
        return replace(self, has_catalogue=False)

    def clock_of(
        self, *, severity: str, is_public: bool | None, weaknesses: Iterable[Weakness] = ()
    ) -> Clock:
        """Return the clock of a finding; the strictest of its vulnerabilities counts.

        Without a fix to install the clock of a vulnerability has not started: no due date.
        """
        named = tuple(weaknesses)
        is_fixable = any(one.has_fix is not False for one in named)
        if named and (self.has_catalogue or not is_fixable):
            return self._weakness_clock(named, is_public=is_public)
        if is_public and severity in self.public:
            return Clock(self.public[severity], f"public:{severity}", self.version)
        if severity in self.severity:
            return Clock(self.severity[severity], f"severity:{severity}", self.version)
        return Clock(None, "", self.version)

    def _weakness_clock(self, named: Iterable[Weakness], *, is_public: bool | None) -> Clock:
        tiers = [
            self.tiers[self._bits(one.known, is_public=is_public)]
            for one in named
            if one.has_fix is not False
        ]
        if not tiers:
            return Clock(None, "no-fix", self.version)
        days, rule = min(tiers, key=_strictness)
        return Clock(days, rule, self.version)

    def _bits(self, known: KnownFacts, *, is_public: bool | None) -> str:
        facts = (
            known.is_exploited or self.defaults["exploited"],
            self.defaults["exposed"] if is_public is None else is_public,
            _said(known.is_automatable, self.defaults["automatable"]),
            _said(known.has_total_impact, self.defaults["total_impact"]),
        )
        return "".join("1" if fact else "0" for fact in facts)


def _said(fact: bool | None, default: bool) -> bool:
    return default if fact is None else fact


def _strictness(tier: tuple[int | None, str]) -> tuple[int, int]:
    """Fewer days first; of the same days, the one that asks for triage."""
    days, rule = tier
    return (LONGEST_DAYS + 1 if days is None else days, -len(rule))


def due_at(
    clock: Clock,
    *,
    opened_at: datetime,
    fix_seen_at: datetime | None,
    clock_from: date | None = None,
) -> datetime | None:
    """Return when a finding is due.

    The clock of a vulnerability waits for its fix, and no clock of a new control runs before
    `clock_from` (00:00 UTC), the day that the control is scored from (kpis.md R10).
    """
    if clock.days is None:
        return None
    return starts_at(opened_at, fix_seen_at, clock_from) + timedelta(days=clock.days)


def starts_at(
    opened_at: datetime, fix_seen_at: datetime | None, clock_from: date | None
) -> datetime:
    """Return when the clock of a finding begins to run."""
    begins = datetime.combine(clock_from, time(), tzinfo=UTC) if clock_from else opened_at
    return max(opened_at, fix_seen_at or opened_at, begins)


@cache
def load(path: str = "") -> Rules:
    """Read the rules once; "" is the file that ships with the project.

    :raises BadClocks: the file is missing or wrong; the text names file, line and remedy.
    """
    place = Path(path) if path else PATH
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise BadClocks(
            f"{place}: cannot be read ({e}). Set POSTURE_CLOCKS_FILE to a readable file."
        ) from e
    return parse(text, name=str(place))


def parse(text: str, *, name: str) -> Rules:
    """Return the rules of a file's text.

    :raises BadClocks: it is wrong; `name` is the file's in the message.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise BadClocks(f"{name}, line {line}: is not YAML ({e}). Mend the line.") from e
    return _Reader(name).rules(root)


class _Reader:
    """Walks the nodes of the file, which know their lines."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, node: Any, problem: str, remedy: str) -> BadClocks:
        line = node.start_mark.line + 1 if node is not None else 1
        return BadClocks(f"{self.name}, line {line}: {problem}. {remedy}")

    def rules(self, root: Any) -> Rules:
        top = self.mapping(root, "The file", of=("version", "severity", "public", "vulnerability"))
        vulnerability = self.mapping(
            top["vulnerability"][1], "vulnerability", of=("tiers", "defaults")
        )
        tiers = self.mapping(vulnerability["tiers"][1], "tiers", of=TIERS)
        defaults = self.mapping(vulnerability["defaults"][1], "defaults", of=FACTS)
        return Rules(
            version=self.number(top["version"][1], "version", high=32_767),
            severity=self.days(top["severity"][1], "severity"),
            public=self.days(top["public"][1], "public"),
            tiers={bits: self.tier(node) for bits, (_, node) in tiers.items()},
            defaults={fact: self.flag(node, fact) for fact, (_, node) in defaults.items()},
        )

    def mapping(
        self, node: Any, name: str, *, of: Iterable[str], is_whole: bool = True
    ) -> dict[str, tuple[Any, Any]]:
        """Return the nodes of key and value by key; each of `of` once, and nothing else."""
        known = tuple(of)
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{name} has no entries", f"Give it {', '.join(known)}.")
        found: dict[str, tuple[Any, Any]] = {}
        for key, value in node.value:
            if key.value not in known:
                problem = f"{key.value!r} is not known in {name}"
                raise self.fail(key, problem, f"Known are {', '.join(known)}.")
            if key.value in found:
                raise self.fail(key, f"{key.value!r} stands twice in {name}", "Delete one.")
            found[key.value] = (key, value)
        missing = [key for key in known if key not in found]
        if is_whole and missing:
            raise self.fail(node, f"{name} lacks {', '.join(missing)}", "Add it.")
        return found

    def days(self, node: Any, name: str) -> dict[str, int]:
        entries = self.mapping(node, name, of=SEVERITIES, is_whole=False)
        return {
            severity: self.number(value, severity, high=LONGEST_DAYS)
            for severity, (_, value) in entries.items()
        }

    def number(self, node: Any, name: str, *, high: int) -> int:
        if (
            isinstance(node, yaml.ScalarNode)
            and node.value.isdecimal()
            and 1 <= int(node.value) <= high
        ):
            return int(node.value)
        problem = f"{name} is {getattr(node, 'value', '')!r}"
        raise self.fail(node, problem, f"It should be a whole number from 1 to {high}.")

    def tier(self, node: Any) -> tuple[int | None, str]:
        words = node.value.split() if isinstance(node, yaml.ScalarNode) else []
        if words == [NEXT_UPGRADE]:
            return None, f"bod:{NEXT_UPGRADE}"
        is_number = bool(words) and words[0].isdecimal() and 1 <= int(words[0]) <= LONGEST_DAYS
        if not is_number or words[1:] not in ([], ["triage"]):
            remedy = f"Write days from 1 to {LONGEST_DAYS}, `<days> triage` or {NEXT_UPGRADE}."
            raise self.fail(node, f"{getattr(node, 'value', '')!r} is no tier", remedy)
        return int(words[0]), "-".join([f"bod:{words[0]}", *words[1:]])

    def flag(self, node: Any, name: str) -> bool:
        if isinstance(node, yaml.ScalarNode) and node.value in {"true", "false"}:
            return bool(node.value == "true")
        problem = f"{name} is {getattr(node, 'value', '')!r}"
        raise self.fail(node, problem, "It should be true or false.")
