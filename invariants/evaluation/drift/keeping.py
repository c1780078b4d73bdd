"""Differences as rows that live on: opened when first seen, kept while they last, ended when gone."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from invariants.evaluation.drift.records import Difference, Findings
from invariants.models import Drift, DriftRun
from inventory.models import Organization

_BATCH: Final = 500
_SUMMARY: Final = 600
# What may differ from one collection to the next without being another drift.
_TOLD: Final = (
    "severity",
    "summary",
    "invariant_id",
    "policy_id",
    "target_id",
    "policy_name",
    "target_name",
    "before",
    "after",
    "restore",
    "exceptions",
    "is_explained",
)
_NOBODY: Final[Mapping[str, Any]] = {
    "changed_by": "",
    "changed_at": None,
    "event_id": "",
    "event_name": "",
    "who_note": "",
    "who_asked_at": None,
}
_UNDECIDED: Final[Mapping[str, Any]] = {
    "state": Drift.State.OPEN,
    "decided_by": None,
    "decided_by_name": "",
    "decided_at": None,
    "decided_why": "",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys of the rows that opened and that ended, and how many last. What exceptions in force explain
    is not open: it opens when they do no longer, and ends when they do."""

    opened: tuple[int, ...]
    ended: tuple[int, ...]
    lasting: int
    held: int


@transaction.atomic
def keep(organization: Organization, findings: Findings, *, now: datetime) -> Kept:
    """Write the differences of this moment down; four statements, whatever their number.

    What cannot be judged, since a policy could not be read, stays as it was.
    """
    Organization.objects.select_for_update().get(pk=organization.pk)
    # Locked, so that what somebody decides in between is not written over.
    rows = Drift.objects.lasting().filter(organization=organization).order_by("pk")
    lasting = {
        row.key: row for row in rows.select_related("policy").select_for_update(of=("self",))
    }
    found = {digest(one.identity): one for one in findings.differences}
    absent_at = _last_compared(organization)
    was_open = {row.pk for row in lasting.values() if not row.is_explained}
    seen = [_again(lasting[key], one, now=now) for key, one in found.items() if key in lasting]
    absent = [row for key, row in lasting.items() if key not in found]
    held = [row for row in absent if _is_held(row, findings)]
    ended = [row for row in absent if not _is_held(row, findings)]
    for row in ended:
        row.ended_at = now
    Drift.objects.bulk_update(ended, ["ended_at"], batch_size=_BATCH)
    Drift.objects.bulk_update(
        seen, ["last_seen", "changed_since", "absent_at", *_TOLD, *_NOBODY, *_UNDECIDED], _BATCH
    )
    opened = Drift.objects.bulk_create(
        [
            _new(organization, key, one, absent_at=absent_at, now=now)
            for key, one in sorted(found.items())
            if key not in lasting
        ],
        batch_size=_BATCH,
    )
    return Kept(
        opened=(
            *(row.pk for row in opened if not row.is_explained),
            *sorted(row.pk for row in seen if not row.is_explained and row.pk not in was_open),
        ),
        ended=tuple(
            sorted(
                row.pk
                for row in (*ended, *(one for one in seen if one.is_explained))
                if row.pk in was_open
            )
        ),
        lasting=len(found),
        held=len(held),
    )


def digest(identity: Iterable[str]) -> str:
    """What the drift is about (hex)."""
    return hashlib.sha256("\x1f".join(identity).encode()).hexdigest()


def _new(
    organization: Organization,
    key: str,
    one: Difference,
    *,
    absent_at: datetime | None,
    now: datetime,
) -> Drift:
    return Drift(
        organization=organization,
        kind=one.kind,
        key=key,
        policy_type=one.policy_type,
        account_id=_account(one),
        first_seen=now,
        last_seen=now,
        changed_since=now,
        absent_at=absent_at,
        **_told(one),
    )


def _again(row: Drift, one: Difference, *, now: datetime) -> Drift:
    """The same drift once more. Where it says something else by now somebody has changed it again: who
    that was is not known yet, and what was accepted was the other text.
    """
    is_other = (row.before, row.after) != (one.before, one.after)
    if is_other:
        for name, value in (*_NOBODY.items(), *_UNDECIDED.items()):
            setattr(row, name, value)
        row.absent_at, row.changed_since = row.last_seen, now
    row.last_seen = now
    for name, value in _told(one).items():
        setattr(row, name, value)
    return row


def _told(one: Difference) -> dict[str, Any]:
    return {
        "severity": one.severity,
        "summary": one.summary[:_SUMMARY],
        "invariant_id": one.invariant.pk if one.invariant else None,
        "target_id": one.place.id if one.place else "",
        "policy_id": one.policy.pk if one.policy else None,
        "policy_name": one.policy.name if one.policy else "",
        "target_name": one.place_name[:300],
        "before": one.before,
        "after": one.after,
        "restore": dict(one.restore),
        "exceptions": list(one.exceptions),
        "is_explained": one.is_explained,
    }


def _account(one: Difference) -> int | None:
    """Of what hangs on an account itself: its people may know of it. Texts of policies are for few."""
    if one.place is None or one.place.kind != "ACCOUNT" or one.kind == "UNMANAGED":
        return None
    return one.place.pk


def _is_held(row: Drift, findings: Findings) -> bool:
    if row.policy is not None and row.policy.policy_id in findings.unreadable:
        return True
    if row.key in {digest(identity) for identity in findings.unclear}:
        return True
    return row.kind == Drift.Kind.EFFECTIVE_VALUE and row.policy_type in findings.unclear_types


def _last_compared(organization: Organization) -> datetime | None:
    runs = DriftRun.objects.filter(organization=organization, state=DriftRun.State.COMPLETE)
    return runs.order_by("-at", "-id").values_list("at", flat=True).first()
