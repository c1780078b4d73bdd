"""What the numbers are made of: ages, ends to come, whose they are, and which invariants to redesign."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from invariants.models import ExceptionScope
from invariants.models.exceptions import ExceptionReason
from invariants.policies.exceptions import clocks
from invariants.queries.exceptions.numbers.lives import Life
from invariants.queries.exceptions.totals import Standing

if TYPE_CHECKING:
    from inventory.access import AnyUser

# Up to so many days; what is older stands in a band of its own.
BANDS: Final = ((30, "up to 30 days"), (90, "31 to 90"), (180, "91 to 180"), (365, "181 to 365"))
_OLDEST: Final = "over a year"
WEEKS_AHEAD: Final = 13
_YEAR: Final = timedelta(days=365)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Group:
    """Exceptions that have something in common; `key` is that of an invariant or id of an OU."""

    name: str
    active: int
    expired: int
    zombies: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Redesign:
    """An invariant from which exceptions were asked for within a year, and why above all."""

    name: str
    key: str
    asked: int
    active: int
    renewals: int
    reason: str
    reason_count: int
    third_periods: int


def bands(lives: Collection[Life], now: datetime) -> tuple[tuple[str, int, int], ...]:
    """(age, how many active or past their end, those of them that are past it), youngest first."""
    counted, late = Counter[str](), Counter[str]()
    for life in lives:
        is_late = Standing.EXPIRED in life.standing
        if life.line_began_at is None or not (life.is_active or is_late):
            continue
        band = band_of((now - life.line_began_at) // _DAY)
        counted[band] += 1
        late[band] += is_late
    return tuple((name, counted[name], late[name]) for name in band_names())


def band_names() -> tuple[str, ...]:
    return *(name for _, name in BANDS), _OLDEST


def band_of(days: int) -> str:
    return next((name for most, name in BANDS if days <= most), _OLDEST)


def timeline(lives: Collection[Life], today: date) -> tuple[tuple[str, int, int], ...]:
    """(week, ends in it, past their end), the weeks of seven days from today on; what ends later is last."""
    ends = Counter(
        (life.until - today).days // 7 for life in lives if life.is_active and life.until
    )
    past = sum(Standing.EXPIRED in life.standing for life in lives)
    coming = [
        (f"{today + timedelta(days=7 * week):%-d %b}", ends[week], 0) for week in range(WEEKS_AHEAD)
    ]
    later = sum(count for week, count in ends.items() if week >= WEEKS_AHEAD)
    return (("ended", 0, past), *coming, ("later", later, 0))


def by_invariant(lives: Collection[Life]) -> tuple[Group, ...]:
    return _groups(lives, lambda life: ((life.invariant_key, life.invariant or "no invariant"),))


def by_owner(lives: Collection[Life]) -> tuple[Group, ...]:
    return _groups(lives, lambda life: (("", life.owner or "nobody named"),))


def by_ou(user: "AnyUser", lives: Collection[Life]) -> tuple[Group, ...]:
    """By the OU of their accounts, as far as the person sees these. One query."""
    places: dict[int, set[tuple[str, str]]] = defaultdict(set)
    standing = [life.pk for life in lives if life.standing]
    lines = ExceptionScope.objects.visible_to(user).filter(
        Q(account__isnull=False) | Q(ou__isnull=False), request__in=standing
    )
    columns = ("account__ou__ou_id", "account__ou__label", "ou__ou_id", "ou__label", "ou__name")
    for pk, of_account, account_label, ou_id, label, name in lines.values_list(
        "request_id", *columns
    ):
        key = of_account or ou_id
        places[pk].add((key, (account_label if of_account else label) or name or "Root"))
    return _groups(lives, lambda life: places[life.pk])


def _groups(
    lives: Collection[Life], of: Callable[[Life], Iterable[tuple[str, str]]]
) -> tuple[Group, ...]:
    active, expired, zombies = (
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
    )
    for life in lives:
        for group in of(life) if life.standing else ():
            active[group] += life.is_active
            expired[group] += Standing.EXPIRED in life.standing
            zombies[group] += Standing.ZOMBIE in life.standing
    found = [
        Group(name, active[key, name], expired[key, name], zombies[key, name], key)
        for key, name in active
    ]
    return tuple(sorted(found, key=lambda g: (-g.zombies, -g.active, -g.expired, g.name, g.key)))


def reasons(lives: Collection[Life]) -> tuple[tuple[str, int, int], ...]:
    """(reason, active or past their end, past it), most first."""
    standing = [life for life in lives if life.standing and life.reason]
    counted = Counter(life.reason for life in standing)
    late = Counter(life.reason for life in standing if Standing.EXPIRED in life.standing)
    return tuple(
        (ExceptionReason(reason).label.capitalize(), count, late[reason])
        for reason, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    )


def redesigns(lives: Collection[Life], now: datetime) -> tuple[Redesign, ...]:
    """Invariants by how much is asked of them, most renewals and requests first: what to redesign."""
    asked: dict[tuple[str, str], list[Life]] = defaultdict(list)
    for life in lives:
        if life.invariant_key and life.asked_at and life.asked_at > now - _YEAR:
            asked[life.invariant_key, life.invariant].append(life)
    found = [_redesign(key, name, of) for (key, name), of in asked.items()]
    return tuple(sorted(found, key=lambda r: (-r.third_periods, -r.renewals, -r.asked, r.key)))


def _redesign(key: str, name: str, lives: Collection[Life]) -> Redesign:
    counted = Counter(life.reason for life in lives if life.reason)
    reason, count = min(counted.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return Redesign(
        name=name,
        key=key,
        asked=len(lives),
        active=sum(life.is_active for life in lives),
        renewals=sum(life.renewal > 0 for life in lives),
        reason=ExceptionReason(reason).label if reason else "",
        reason_count=count,
        third_periods=sum(is_third_period(life) for life in lives),
    )


def is_third_period(life: Life) -> bool:
    """Active in its third period in a row, and so listed by name."""
    return life.is_active and life.renewal >= clocks.MOST_RENEWALS
