"""Drift as pages and the API read it: what the person may know of, and no more."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from invariants.models import Drift, DriftRun, Invariant
from invariants.policies import remedies
from invariants.policies.remedies import Subject
from invariants.queries.drift_rows import Compared, Detail, Filters, Inbox, Row
from inventory import access, web
from inventory.access import AnyUser
from inventory.models import OrgPolicy

__all__ = [
    "AGES",
    "HEADS",
    "MANAGE",
    "PAGE_SIZE",
    "STANDINGS",
    "Compared",
    "Detail",
    "Filters",
    "Inbox",
    "Row",
    "compared",
    "detail",
    "inbox",
    "of_invariant",
    "open_by_invariant",
    "open_drift",
    "records",
    "rows",
]

MANAGE: Final = "invariants.manage_drift"
PAGE_SIZE: Final = 50
AGES: Final[Mapping[str, tuple[str, timedelta]]] = {
    "new": ("Since yesterday", timedelta(days=1)),
    "1d": ("More than a day", timedelta(days=1)),
    "7d": ("More than a week", timedelta(days=7)),
    "30d": ("More than a month", timedelta(days=30)),
}
STANDINGS: Final = (
    ("open", "Open"),
    ("explained", "By exceptions"),
    ("accepted", "Accepted"),
    ("ended", "Ended"),
)
HEADS: Final = (
    *("kind", "severity", "invariant", "policy", "policy id", "where", "summary", "state"),
    *("first seen", "last seen", "ended", "changed by", "changed at", "owner"),
)
_SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_SHIPPED: Final = "invariants/catalog"
_KEYS: Final = (web.Key("rank"), web.Key("first_seen"), web.Key("pk"))
_ENDED_KEYS: Final = (web.Key("ended_at", is_descending=True), web.Key("pk", is_descending=True))


def open_drift(user: AnyUser) -> "QuerySet[Drift]":
    """What is there now, nobody has accepted, and exceptions in force do not explain."""
    return Drift.objects.visible_to(user).open()


def open_by_invariant(user: AnyUser) -> dict[int, int]:
    """How many, by primary key of the invariant. One query.

    A disabled type counts for the invariant on whose row it stands.
    """
    rows = open_drift(user).exclude(invariant=None).order_by().values_list("invariant")
    return dict(rows.annotate(drifts=Count("pk")))


def of_invariant(user: AnyUser, invariant: Invariant) -> tuple[Row, ...]:
    """What is there now, accepted or not, the newest first. One query."""
    rows = Drift.objects.visible_to(user).lasting().filter(invariant=invariant)
    return tuple(_row(row) for row in _related(rows).order_by("-first_seen", "-pk"))


def inbox(
    user: AnyUser,
    filters: Filters,
    *,
    cursor_text: str,
    now: datetime,
    size: int = PAGE_SIZE,
) -> Inbox:
    """The open drift first by severity and then by age, oldest first; ended drift newest first.

    Six queries besides the person's scope, whatever the number of rows.
    """
    visible = Drift.objects.visible_to(user)
    narrowed = _narrowed(visible, filters, now=now)
    rows = _standing(narrowed, filters.standing)
    is_ended = filters.standing == "ended"
    keys = _ENDED_KEYS if is_ended else _KEYS
    cursor = web.read_cursor(cursor_text, keys=keys)
    found = web.keyset(_ranked(_related(rows)), keys=keys, cursor=cursor, size=size)
    counted = narrowed.aggregate(
        open=Count("pk", filter=Q(ended_at=None, state="OPEN", is_explained=False)),
        explained=Count("pk", filter=Q(ended_at=None, state="OPEN", is_explained=True)),
        accepted=Count("pk", filter=Q(ended_at=None, state="ACCEPTED")),
        ended=Count("pk", filter=~Q(ended_at=None)),
    )
    kinds = Counter(dict(visible.lasting().values_list("kind").annotate(n=Count("pk")).order_by()))
    keyed = visible.exclude(invariant=None).order_by("invariant__key")
    return Inbox(
        page=web.Page(
            tuple(_row(row) for row in found.rows), found.next_cursor, found.previous_cursor
        ),
        total=counted[filters.standing],
        standings=counted,
        kinds=tuple((kind.value, str(kind.label), kinds[kind.value]) for kind in Drift.Kind),
        invariants=tuple(keyed.values_list("invariant__key", flat=True).distinct()),
        compared=compared(user),
    )


def rows(user: AnyUser, filters: Filters, *, now: datetime) -> Iterator[Row]:
    """All that the inbox pages through, in its order."""
    found = _standing(_narrowed(Drift.objects.visible_to(user), filters, now=now), filters.standing)
    order = ("-ended_at", "-pk") if filters.standing == "ended" else ("rank", "first_seen", "pk")
    for row in _ranked(_related(found)).order_by(*order).iterator(chunk_size=500):
        yield _row(row)


def records(found: Iterator[Row]) -> Iterator[tuple[object, ...]]:
    """Lines for a spreadsheet, under HEADS."""
    for row in found:
        yield (
            *(row.kind_label, row.severity, row.invariant_key, row.policy_name, row.policy_id),
            *(row.target_name, row.summary, row.standing, row.first_seen, row.last_seen),
            *(row.ended_at, row.changed_by, row.changed_at, row.owner),
        )


def detail(user: AnyUser, pk: int) -> Detail | None:
    """One drift with what to do about it; None where there is none for this person. Two queries."""
    found = _related(Drift.objects.visible_to(user)).filter(pk=pk)
    drift = found.select_related("invariant__version", "policy", "account", "organization").first()
    if drift is None:
        return None
    sees_all = access.scope_of(user).everything
    subject = _subject(drift) if sees_all else None
    return Detail(
        row=_row(drift),
        can_manage=user.has_perm(MANAGE),
        sees_all=sees_all,
        accept=remedies.accepting(subject) if subject else None,
        commands=remedies.commands(subject) if subject else None,
        terraform=remedies.terraform(subject) if subject else None,
    )


def compared(user: AnyUser) -> Compared:
    """When it was last compared. Names of policies are for who sees the whole organisation."""
    runs = DriftRun.objects.order_by("-at", "-pk")
    done = runs.filter(state=DriftRun.State.COMPLETE).first()
    skipped = runs.filter(state=DriftRun.State.SKIPPED).first()
    is_later = skipped is not None and (done is None or skipped.at > done.at)
    sees_all = access.scope_of(user).everything
    ids: Sequence[str] = done.counts.get("unreadable", ()) if done and sees_all else ()
    names = OrgPolicy.objects.filter(policy_id__in=ids).order_by("name") if ids else ()
    return Compared(
        at=done.at if done else None,
        skipped_at=skipped.at if skipped and is_later else None,
        why=skipped.why if skipped and is_later and sees_all else "",
        unreadable=tuple(one.name for one in names),
        classes=done.counts.get("classes") if done and sees_all else None,
    )


def _narrowed(found: "QuerySet[Drift]", filters: Filters, *, now: datetime) -> "QuerySet[Drift]":
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.invariant:
        found = found.filter(invariant__key=filters.invariant)
    if filters.age:
        since = now - AGES[filters.age][1]
        is_new = filters.age == "new"
        found = (
            found.filter(first_seen__gte=since) if is_new else found.filter(first_seen__lt=since)
        )
    return found


def _standing(found: "QuerySet[Drift]", standing: str) -> "QuerySet[Drift]":
    if standing == "ended":
        return found.filter(ended_at__isnull=False)
    if standing == "accepted":
        return found.filter(ended_at=None, state=Drift.State.ACCEPTED)
    is_explained = standing == "explained"
    return found.filter(ended_at=None, state=Drift.State.OPEN, is_explained=is_explained)


def _ranked(found: "QuerySet[Drift]") -> "QuerySet[Drift]":
    """With the place of its severity, worst first."""
    ranks = [When(severity=name, then=Value(place)) for place, name in enumerate(_SEVERITIES)]
    return found.annotate(
        rank=Case(*ranks, default=Value(len(_SEVERITIES)), output_field=IntegerField())
    )


def _related(found: "QuerySet[Drift]") -> "QuerySet[Drift]":
    return found.select_related("invariant", "policy", "account")


def _row(drift: Drift) -> Row:
    return Row(
        pk=drift.pk,
        kind=drift.kind,
        kind_label=str(drift.get_kind_display()),
        severity=drift.severity,
        summary=drift.summary,
        invariant_key=drift.invariant.key if drift.invariant else "",
        policy_type=drift.policy_type,
        policy_id=drift.policy.policy_id if drift.policy else "",
        policy_name=drift.policy_name,
        target_id=drift.target_id,
        target_name=drift.target_name,
        account_id=drift.account.account_id if drift.account else "",
        before=drift.before,
        after=drift.after,
        first_seen=drift.first_seen,
        last_seen=drift.last_seen,
        ended_at=drift.ended_at,
        changed_by=drift.changed_by,
        changed_at=drift.changed_at,
        changed_since=drift.changed_since,
        event_id=drift.event_id,
        event_name=drift.event_name,
        who_note=drift.who_note,
        state=drift.state,
        owner=drift.owner,
        note=drift.note,
        exceptions=tuple(drift.exceptions),
        is_explained=drift.is_explained,
        decided_by=drift.decided_by_name,
        decided_at=drift.decided_at,
        decided_why=drift.decided_why,
    )


def _subject(drift: Drift) -> Subject:
    invariant = drift.invariant
    version = invariant.version if invariant else None
    source = version.source if version else {}
    file = str(source.get("overridden_file") or source.get("file") or "")
    return Subject(
        kind=drift.kind,
        policy_type=drift.policy_type,
        policy_id=drift.policy.policy_id if drift.policy else "",
        policy_name=drift.policy_name,
        root_id=drift.organization.root_id,
        target_id=drift.target_id,
        target_name=drift.target_name,
        after=drift.after,
        restore=drift.restore,
        key=invariant.key if invariant else "",
        statement=invariant.statement if invariant else "",
        version=version.declared if version else 0,
        targets=version.content.get("targets", {}) if version else {},
        file=file,
        is_shipped=not file or _SHIPPED in file,
    )
