"""The page on which an exception is asked for, and the one that helps to choose what from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Sum

from findings.models import Control, Finding, FindingCount, Status
from invariants.models import (
    Denial,
    DenialServes,
    ExceptionEvent,
    ExceptionRequest,
    Invariant,
)
from invariants.models.exceptions import ExceptionState, ExceptionTarget, Mechanism, Risk, Verb
from invariants.policies.exceptions import clocks
from invariants.queries.exceptions import (
    alternatives,
    blast,
    entry,
    expectations,
    prefill,
    reach,
    standing,
)
from invariants.queries.exceptions.alternatives import Alternative
from invariants.queries.exceptions.blast import BlastRadius
from invariants.queries.exceptions.entry import Source
from invariants.queries.exceptions.expectations import Expectations
from invariants.queries.exceptions.reach import Line, Target
from inventory.access import AnyUser
from inventory.models import Account, Organization

# So many accounts are offered to choose from; of more, their ids are typed.
MOST_ACCOUNTS: Final = 12
_SHOWN: Final = 6
_LATELY: Final = timedelta(days=30)
_WITH_PRINCIPAL: Final = (Mechanism.PRINCIPAL_LIST, Mechanism.TIME_LIMIT)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the form says so far of what is to be covered."""

    lines: tuple[Line, ...]
    mechanism: str
    is_emergency: bool
    starts_on: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class AskPage:
    """What stands around the form. `accounts` are offered to choose from, none where they are known or
    too many. `limit` is the last day that an approval can give, `is_cut` whether less than asked for.

    `before`: another draft of the person's for the same. `wanted`: with what it was sent back.
    """

    severity: str
    account: Account | None
    accounts: tuple[Account, ...]
    chosen_accounts: frozenset[str]
    has_principal: bool
    has_tag: bool
    is_placed: bool
    expected: Expectations
    alternatives: tuple[Alternative, ...]
    blast: BlastRadius
    limit: date | None
    is_cut: bool
    owners: tuple[str, ...]
    before: ExceptionRequest | None
    wanted: ExceptionEvent | None


def kind_of(source: Source) -> str:
    if source.finding is not None:
        return ExceptionTarget.FINDING
    return ExceptionTarget.INVARIANT if source.invariant else ExceptionTarget.CONTROL


def organization_of(source: Source) -> Organization:
    """:raises entry.NothingThere: of a source without a target."""
    if source.target is None:
        raise entry.NothingThere("")
    return source.target.organization


def source_of(user: AnyUser, item: ExceptionRequest) -> Source:
    """What a draft is from, as if somebody came from there again. Two queries."""
    lines = list(item.scope.order_by("kind", "value").values_list("kind", "value"))
    account = prefill.account_of(user, lines)
    finding = None
    if item.finding_key is not None:
        rows = Finding.objects.visible_to(user).select_related(
            "account__ou", "account__team", "control", "organization"
        )
        key = bytes(item.finding_key)
        finding = rows.filter(organization=item.organization_id, key=key).first()
    return Source(finding, item.control, item.invariant, None, account)


def page(
    user: AnyUser, source: Source, item: ExceptionRequest | None, shape: Shape, *, now: datetime
) -> AskPage:
    """Two dozen queries at most, whatever there is in the organisation."""
    organization = item.organization if item else organization_of(source)
    severity = item.severity if item else prefill.severity_of(source)
    account = source.account or prefill.account_of(user, shape.lines)
    offered = _offered(user, source) if source.account is None and not source.finding else ()
    limit = _limit(severity, shape)
    today = standing.moment_of(organization, now).today
    return AskPage(
        severity=severity,
        account=account,
        accounts=offered,
        chosen_accounts=frozenset(value for kind, value in shape.lines if kind == "ACCOUNT"),
        has_principal=shape.mechanism in _WITH_PRINCIPAL,
        has_tag=shape.mechanism == Mechanism.TAG,
        is_placed=source.account is not None,
        expected=expectations.expectations(
            organization,
            severity=severity,
            has_policy=shape.mechanism != Mechanism.NONE,
            is_emergency=shape.is_emergency,
            now=now,
        ),
        alternatives=alternatives.alternatives(user, source, but=item),
        blast=_blast(user, organization, source, item, shape, now=now),
        limit=limit,
        is_cut=bool(limit and shape.until and limit < shape.until and shape.until >= today),
        owners=prefill.owners(user, account.team if account else None),
        before=None if item else entry.draft_for(user, source),
        wanted=_wanted(item) if item else None,
    )


def _wanted(item: ExceptionRequest) -> ExceptionEvent | None:
    if item.state != ExceptionState.CHANGES_REQUESTED:
        return None
    asked = ExceptionEvent.objects.filter(request=item, verb=Verb.REQUEST_CHANGES)
    return asked.order_by("-number").first()


def _limit(severity: str, shape: Shape) -> date | None:
    """Before an assessment the severity stands for the risk."""
    if shape.starts_on is None or shape.until is None or shape.until < shape.starts_on:
        return None
    return clocks.last_day(shape.starts_on, shape.until, risk=Risk(severity))


def _offered(user: AnyUser, source: Source) -> tuple[Account, ...]:
    """The person's accounts, those in which the control fails first; none where there are too many."""
    rows = Account.objects.visible_to(user).live().order_by("name", "account_id")
    if source.control is not None:
        failing = FindingCount.objects.visible_to(user).filter(
            control=source.control, status=Status.OPEN
        )
        some = rows.filter(pk__in=failing.values("account_id"))[: MOST_ACCOUNTS + 1]
        found = tuple(some)
        if found:
            return found if len(found) <= MOST_ACCOUNTS else ()
    found = tuple(rows[: MOST_ACCOUNTS + 1])
    return found if len(found) <= MOST_ACCOUNTS else ()


def _blast(
    user: AnyUser,
    organization: Organization,
    source: Source,
    item: ExceptionRequest | None,
    shape: Shape,
    *,
    now: datetime,
) -> BlastRadius:
    key = bytes(source.finding.key) if source.finding else None
    if item is not None and item.finding_key is not None:
        key = bytes(item.finding_key)
    target = Target(kind_of(source), source.control, source.invariant, key, shape.mechanism)
    found = reach.reach(user, organization, shape.lines, target=target)
    return blast.of_reach(user, found, now=now)


@dataclass(frozen=True, slots=True)
class RecentDenial:
    pk: int
    principal: str
    action: str
    account_name: str
    invariant_key: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ControlChoice:
    control_id: str
    title: str
    severity: str
    open: int


@dataclass(frozen=True, slots=True)
class Choices:
    """From what the person may ask: what refused them lately, what fails most, what holds.

    `unserved`: they came from a denial of which no invariant is known.
    """

    account: Account | None
    unserved: Denial | None
    denials: tuple[RecentDenial, ...]
    controls: tuple[ControlChoice, ...]
    invariants: tuple[Invariant, ...]


def choices(user: AnyUser, source: Source, *, now: datetime) -> Choices:
    """Four queries."""
    account = source.account
    return Choices(
        account=account,
        unserved=source.denial,
        denials=_recent(user, account, now=now),
        controls=_failing(user, account),
        invariants=_holding(user, account),
    )


def _recent(user: AnyUser, account: Account | None, *, now: datetime) -> tuple[RecentDenial, ...]:
    rows = DenialServes.objects.visible_to(user).filter(
        denial__last_at__gte=now - _LATELY, invariant__gone_at=None, denial__account__isnull=False
    )
    if account is not None:
        rows = rows.filter(denial__account=account)
    rows = rows.exclude(denial__principal="").select_related("denial__account", "invariant")
    found: dict[int, RecentDenial] = {}
    ordered = rows.order_by("-denial__last_at", "denial_id", "-is_certain")[: 4 * _SHOWN]
    for row in ordered:
        one = row.denial
        name = one.account.name if one.account else one.aws_account_id
        made = RecentDenial(one.pk, one.principal, one.action, name, row.invariant.key, one.last_at)
        found.setdefault(one.pk, made)
    return tuple(found.values())[:_SHOWN]


def _failing(user: AnyUser, account: Account | None) -> tuple[ControlChoice, ...]:
    counted = FindingCount.objects.visible_to(user).filter(status=Status.OPEN)
    if account is not None:
        counted = counted.filter(account=account)
    summed = counted.values("control").annotate(open=Sum("findings"))
    top = list(summed.order_by("-open", "control")[:_SHOWN])
    controls = Control.objects.in_bulk([one["control"] for one in top])
    return tuple(
        ControlChoice(
            controls[one["control"]].control_id,
            controls[one["control"]].title,
            controls[one["control"]].severity,
            one["open"],
        )
        for one in top
    )


def _holding(user: AnyUser, account: Account | None) -> tuple[Invariant, ...]:
    """Those in force, in this account where there is one."""
    rows = Invariant.objects.live().visible_to(user).filter(state=Invariant.State.ENFORCED)
    if account is not None:
        rows = rows.filter(
            coverage__account=account, coverage__state__in=("ENFORCED", "CARVED_OUT")
        )
    return tuple(rows.distinct().order_by("key")[: 2 * _SHOWN])
