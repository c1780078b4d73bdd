"""All numbers of the exceptions that a person sees, as page, CSV and API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from invariants.models import ExceptionRequest, Invariant
from invariants.queries import coverage
from invariants.queries.counts import total
from invariants.queries.exceptions import deployed
from invariants.queries.exceptions.numbers import breakdowns, duties, lives, reckoning
from invariants.queries.exceptions.numbers.breakdowns import Group, Redesign
from invariants.queries.exceptions.numbers.duties import Breach
from invariants.queries.exceptions.numbers.lives import Life
from invariants.queries.exceptions.numbers.reckoning import Figure, World
from invariants.queries.exceptions.standing import calendar_of
from invariants.queries.exceptions.totals import Counts, Standing
from inventory import access
from inventory.models import Account, Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser

HEADS: Final = ("key", "name", "value", "unit", "part", "whole", "unknown", "meaning", "source")
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Board:
    """`covered`: the coverage with carve-outs, beside the one without (percent; None: no data).

    `is_whole`: of the whole organisation; else of what the person sees. `third_periods`: exceptions in
    their third period in a row.
    """

    figures: Mapping[str, Figure]
    counts: Counts
    covered: Decimal | None
    unapproved: int | None
    is_whole: bool
    bands: tuple[tuple[str, int, int], ...]
    timeline: tuple[tuple[str, int, int], ...]
    reasons: tuple[tuple[str, int, int], ...]
    by_invariant: tuple[Group, ...]
    by_ou: tuple[Group, ...]
    by_owner: tuple[Group, ...]
    redesigns: tuple[Redesign, ...]
    third_periods: tuple[Life, ...]
    breaches: tuple[Breach, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nobody has ever asked for an exception."""
        return not self.asked

    asked: int = 0


def board(user: "AnyUser", organization: Organization, *, now: datetime) -> Board:
    """About fifteen queries, whatever the register holds."""
    seen = ExceptionRequest.objects.visible_to(user).filter(organization=organization)
    calendar = calendar_of(organization)
    today = calendar.day_of(now)
    read = lives.read(seen, today=today)
    breaches = duties.breaches([life.pk for life in read])
    holding, covered, in_scope = _coverage(user, organization)
    accounts = Account.objects.visible_to(user).live().filter(organization=organization)
    world = World(
        now=now,
        calendar=calendar,
        accounts=accounts.filter(state=Account.State.ACTIVE).count(),
        holding=holding,
        in_scope=in_scope,
        unapproved=deployed.unapproved_seen(user, organization),
        duty_breaches=len({breach.ref for breach in breaches}),
        milestones=lives.milestones(seen),
    )
    return Board(
        figures=reckoning.figures(read, world),
        counts=_counts(read),
        covered=Decimal(_HUNDRED * covered) / in_scope if in_scope else None,
        unapproved=world.unapproved,
        is_whole=access.scope_of(user).everything,
        bands=breakdowns.bands(read, now),
        timeline=breakdowns.timeline(read, today),
        reasons=breakdowns.reasons(read),
        by_invariant=breakdowns.by_invariant(read),
        by_ou=breakdowns.by_ou(user, read),
        by_owner=breakdowns.by_owner(read),
        redesigns=breakdowns.redesigns(read, now),
        third_periods=tuple(life for life in read if breakdowns.is_third_period(life)),
        breaches=breaches,
        asked=len(read),
    )


def _counts(read: tuple[Life, ...]) -> Counts:
    found = {code: sum(code in life.standing for life in read) for code in Standing}
    return Counts(
        active=found[Standing.ACTIVE],
        expiring=found[Standing.EXPIRING],
        expired=found[Standing.EXPIRED],
        zombies=found[Standing.ZOMBIE],
    )


def _coverage(user: "AnyUser", organization: Organization) -> tuple[int, int, int]:
    """Pairs of an account and a mandatory invariant in force: without carve-out, with, and in scope."""
    wanted = Invariant.objects.live().filter(
        organization=organization, is_mandatory=True, state=Invariant.State.ENFORCED
    )
    mandatory = set(wanted.order_by("pk").values_list("pk", flat=True))
    found = coverage.by_invariant(user)
    counts = total(found[pk] for pk in sorted(mandatory) if pk in found)
    return counts.enforced, counts.protected, counts.in_scope


def records(found: Board) -> tuple[tuple[object, ...], ...]:
    """The lines of the CSV, in the order of the definitions."""
    return tuple(
        (
            one.key,
            one.definition.name,
            one.exact,
            one.definition.unit.value,
            one.part,
            one.whole,
            one.unknown,
            one.definition.meaning,
            one.definition.source,
        )
        for one in found.figures.values()
    )
