"""What records of CloudTrail say, counted once: denials by day, and calls that changed policies.

A record is known by its event's id, whoever brings it and however often, so that taking one in again
changes nothing. One batch is one transaction.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from invariants.ingest import denials
from invariants.ingest.denials import Sum
from invariants.models import DeniedBy, OrgChangeEvent, TrailFeed
from invariants.normalise import (
    Change,
    Denied,
    Other,
    PolicyKind,
    Unreadable,
    read_record,
)
from inventory.models import Organization

# The clock of AWS may be ahead of ours; further ahead than this, it is not a clock.
AHEAD: Final = timedelta(days=1)
# What may serve an invariant; the other kinds are each account's own affair, and only counted.
KEPT: Final[Mapping[PolicyKind, DeniedBy]] = {
    PolicyKind.SCP: DeniedBy.SCP,
    PolicyKind.RCP: DeniedBy.RCP,
    PolicyKind.BOUNDARY: DeniedBy.BOUNDARY,
}
# What is counted, in the order in which it is told.
COUNTED: Final = (
    "events",
    "denials",
    "named",
    "unnamed",
    "others",
    "changes",
    "twice",
    "old",
    "unreadable",
)

_TAKE: Final = """
INSERT INTO invariants_takenevent (event_id, day)
SELECT * FROM unnest(%(ids)s::uuid[], %(days)s::date[]) ORDER BY 1
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""
_FEED: Final = """
INSERT INTO invariants_trailfeed AS f
    (organization_id, kind, counts, first_event_at, last_event_at, taken_at)
VALUES (%(organization)s, %(kind)s, %(counts)s::jsonb, %(first)s, %(last)s, %(now)s)
ON CONFLICT (organization_id, kind) DO UPDATE SET
    counts = (SELECT jsonb_object_agg(name, COALESCE((f.counts ->> name)::bigint, 0)
        + COALESCE((EXCLUDED.counts ->> name)::bigint, 0)) FROM unnest(%(names)s::text[]) name),
    first_event_at = LEAST(f.first_event_at, EXCLUDED.first_event_at),
    last_event_at = GREATEST(f.last_event_at, EXCLUDED.last_event_at),
    taken_at = EXCLUDED.taken_at
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch, by the names of COUNTED; `unread` are positions in it, and why.

    events: all records. denials: new ones, of which `named` name the policy and `unnamed` do not;
    `others` are refusals of other kinds of policies or in a service's own words. `changes` to the
    organisation's policies. `twice` had been counted before, `old` are of days no longer kept.
    """

    counts: Mapping[str, int]
    unread: tuple[tuple[int, str], ...] = ()

    @property
    def is_news(self) -> bool:
        return bool(self.counts.get("denials") or self.counts.get("changes"))


@dataclass(slots=True)
class _Read:
    counts: Counter[str] = field(default_factory=Counter)
    unread: list[tuple[int, str]] = field(default_factory=list)
    denied: dict[UUID, Denied] = field(default_factory=dict)
    changes: dict[UUID, Change] = field(default_factory=dict)
    times: list[datetime] = field(default_factory=list)


def take(
    organization: Organization,
    records: Iterable[Mapping[str, Any]],
    *,
    kind: TrailFeed.Kind,
    keep_days: int,
    now: datetime,
) -> Taken:
    """Count what the records say, unless it has been counted before.

    :param keep_days: older events are left out, since nobody remembers whether they were counted.
        0 takes all.
    """
    oldest = now - timedelta(days=keep_days) if keep_days else None
    found = _read(records, oldest=oldest, newest=now + AHEAD)
    if found.times:
        with transaction.atomic():
            _store(organization, found, kind=kind, now=now)
    counts = {name: found.counts[name] for name in COUNTED if found.counts[name]}
    return Taken(counts, tuple(found.unread))


def _read(
    records: Iterable[Mapping[str, Any]], *, oldest: datetime | None, newest: datetime
) -> _Read:
    found = _Read()
    for position, record in enumerate(records):
        found.counts["events"] += 1
        try:
            one = read_record(record)
            if one.at > newest:
                raise Unreadable(f"eventTime {one.at.isoformat()} has not come yet")
        except Unreadable as e:
            found.counts["unreadable"] += 1
            found.unread.append((position, str(e)))
            continue
        if oldest is not None and one.at < oldest:
            found.counts["old"] += 1
            continue
        found.times.append(one.at)
        _sort(one, found)
    return found


def _sort(one: Denied | Change | Other, found: _Read) -> None:
    if isinstance(one, Change):
        found.changes[one.event_id] = one
    elif isinstance(one, Denied) and one.said.kind in KEPT:
        if one.event_id in found.denied:
            found.counts["twice"] += 1
        else:
            found.denied[one.event_id] = one
    elif isinstance(one, Denied):
        found.counts["others"] += 1


def _store(
    organization: Organization, found: _Read, *, kind: TrailFeed.Kind, now: datetime
) -> None:
    fresh = _unseen(found.denied)
    found.counts["twice"] += len(found.denied) - len(fresh)
    found.counts["denials"] = len(fresh)
    found.counts["named"] = sum(bool(one.said.policy_arn) for one in fresh)
    found.counts["unnamed"] = len(fresh) - found.counts["named"]
    denials.store(organization, sums_of(fresh))
    found.counts["changes"] = _store_changes(organization, found.changes.values(), kind)
    found.counts["twice"] += len(found.changes) - found.counts["changes"]
    _note(organization, found, kind=kind, now=now)


def _unseen(denied: Mapping[UUID, Denied]) -> list[Denied]:
    if not denied:
        return []
    values: dict[str, Any] = {
        "ids": list(denied),
        "days": [one.at.date() for one in denied.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        return [denied[event_id] for (event_id,) in cursor.fetchall()]


def sums_of(denied: Iterable[Denied]) -> tuple[Sum, ...]:
    """Add up denials by policy, account, principal, action and day."""
    sums: dict[tuple[denials.Key, date], Sum] = {}
    for one in denied:
        key = _key(one)
        place = (key, one.at.date())
        held = sums.get(place)
        if held is None:
            sums[place] = Sum(
                key, place[1], 1, one.at, one.at, one.region[:32], one.said.resource[:400]
            )
        else:
            sums[place] = held.with_one(
                one.at, region=one.region[:32], resource=one.said.resource[:400]
            )
    return tuple(sums.values())


def _key(one: Denied) -> denials.Key:
    if one.said.kind is None:
        raise ValueError("only denials by a kind of policy are kept")
    return denials.Key(
        policy_type=KEPT[one.said.kind].value,
        policy_arn=one.said.policy_arn[:700],
        is_explicit=one.said.is_explicit,
        aws_account_id=one.account_id,
        principal=one.principal[:600],
        action=one.action[:260],
    )


def _store_changes(
    organization: Organization, changes: Iterable[Change], kind: TrailFeed.Kind
) -> int:
    rows = [
        OrgChangeEvent(
            event_id=one.event_id,
            organization=organization,
            at=one.at,
            name=one.name,
            policy_id=one.policy_id,
            policy_type=one.policy_type,
            target_id=one.target_id,
            by_arn=one.by_arn,
            by_name=one.by_name,
            source_ip=one.source_ip,
            content=one.content,
            source=kind,
        )
        for one in sorted(changes, key=lambda one: one.event_id)
    ]
    if not rows:
        return 0
    known = OrgChangeEvent.objects.filter(pk__in=[row.pk for row in rows])
    before: Sequence[UUID] = list(known.values_list("pk", flat=True))
    OrgChangeEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows) - len(before)


def _note(organization: Organization, found: _Read, *, kind: TrailFeed.Kind, now: datetime) -> None:
    """Write down how far the feed reaches by now."""
    counts = {name: found.counts[name] for name in COUNTED}
    values: dict[str, Any] = {
        "organization": organization.pk,
        "kind": kind.value,
        "counts": denials.as_json(counts),
        "names": list(COUNTED),
        "first": min(found.times),
        "last": max(found.times),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FEED, values)
