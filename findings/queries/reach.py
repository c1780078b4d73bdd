"""What narrows a list of findings, looked up once: keys of accounts and controls, tokens, the rest."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from findings import access as findings_access
from findings.models import Control, FindingText, Severity, Status
from findings.queries import filters as narrowing
from findings.queries import search, tokens
from findings.queries.filters import Filters
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit

RANKS: Final[Mapping[str, int]] = {
    Severity.CRITICAL: 4,
    Severity.HIGH: 3,
    Severity.MEDIUM: 2,
    Severity.LOW: 1,
    Severity.INFORMATIONAL: 0,
}
# So many accounts or controls are looked for one by one, else by what they have in common.
_ONE_BY_ONE: Final = 60
_PLACES: Final = ("accounts", "environments", "ou_path", "teams")
_CONTROLS: Final = ("areas", "controls")
_OF_FINDINGS: Final = (
    *("workflows", "products", "regions", "resource_types"),
    *("ages", "slas", "exposures", "excepted"),
)


@dataclass(frozen=True, slots=True)
class Reach:
    """What narrows a list, looked up: primary keys of accounts and controls, and all the rest.

    `accounts` None: every account but those in `gone`. `controls` None: every control.
    """

    filters: Filters
    statuses: tuple[str, ...]
    as_of: datetime
    accounts: tuple[int, ...] | None
    gone: tuple[int, ...]
    controls: tuple[int, ...] | None
    words: tuple[str, ...]

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the state and the severity is asked for."""
        others = any(name != "severities" for name in self.filters.active)
        return others or self.accounts is not None or bool(self.words)


def of(user: AnyUser, filters: Filters, *, as_of: datetime) -> Reach:
    """One query, and one more where controls or areas are chosen."""
    accounts: tuple[int, ...] | None = None
    gone: tuple[int, ...] = ()
    is_placed = any(getattr(filters, name) for name in _PLACES)
    if not findings_access.may_read(user):
        accounts = ()
    elif access.scope_of(user).everything and not is_placed:
        gone = tuple(Account.objects.exclude(gone_at=None).values_list("pk", flat=True))
    else:
        rows = Account.objects.visible_to(user).live()
        found = rows.filter(narrowing.account_condition(filters))
        accounts = tuple(found.order_by("pk").values_list("pk", flat=True))
    controls: tuple[int, ...] | None = None
    if any(getattr(filters, name) for name in _CONTROLS):
        chosen = Control.objects.filter(narrowing.control_condition(filters))
        controls = tuple(chosen.order_by("pk").values_list("pk", flat=True))
    return Reach(
        filters=filters,
        statuses=filters.statuses or tuple(Status.values),
        as_of=as_of,
        accounts=accounts,
        gone=gone,
        controls=controls,
        words=search.words(filters.q),
    )


def within(reached: Reach, *, but: Collection[str] = ()) -> Q:
    """Everything that a finding has to be, but its status, its words and the dimensions `but`."""
    condition = narrowing.condition(
        reached.filters, as_of=reached.as_of, but=("statuses", *_PLACES, *_CONTROLS, *but)
    )
    if reached.accounts is not None:
        condition &= Q(account_id__in=reached.accounts)
    elif reached.gone:
        condition &= ~Q(account_id__in=reached.gone)
    if reached.controls is not None:
        condition &= Q(control_id__in=reached.controls)
    return condition


def tokened(reached: Reach, ranks: Sequence[int]) -> "QuerySet[FindingText]":
    """The findings that have a token of every filter."""
    texts = FindingText.objects.all()
    for name, values in _token_values(reached, ranks):
        texts = tokens.having(texts, name, values, reached.statuses)
    return texts


def _token_values(reached: Reach, ranks: Sequence[int]) -> Iterator[tuple[str, Collection[str]]]:
    """Dimension by dimension, the values of which a finding must have one."""
    filters = reached.filters
    for name in _OF_FINDINGS:
        if values := getattr(filters, name):
            yield name, _values(name, values)
    severities = [name for name, rank in RANKS.items() if rank in ranks] or filters.severities
    if severities:
        yield "severities", severities
    is_elsewhere = any(getattr(filters, name) for name in ("environments", "teams", "ou_path"))
    if (
        reached.accounts is not None
        and len(reached.accounts) <= _ONE_BY_ONE
        and (filters.accounts or not is_elsewhere)
    ):
        yield "accounts", [str(pk) for pk in reached.accounts]
    else:
        yield from _place_values(filters)
    if reached.controls is not None and len(reached.controls) <= _ONE_BY_ONE:
        yield "controls", [str(pk) for pk in reached.controls]
    elif filters.areas:
        yield "areas", _values("areas", filters.areas)


def _place_values(filters: Filters) -> Iterator[tuple[str, Collection[str]]]:
    for name in ("environments", "teams"):
        if values := getattr(filters, name):
            yield name, _values(name, values)
    if filters.ou_path:
        below = OrganizationalUnit.objects.filter(path__startswith=filters.ou_path)
        yield "ous", list(below.values_list("ou_id", flat=True))


def _values(name: str, chosen: Collection[str]) -> set[str]:
    """As findings have them: "" where there is none."""
    is_none = narrowing.NONE in chosen and name in narrowing.MAY_BE_NONE
    return {*chosen, ""} if is_none else set(chosen)
