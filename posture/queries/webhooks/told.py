"""What a webhook is told of an event: what its owner may see of it, and nothing else.

One function an event type: it takes the event and the owner, starts from `visible_to(owner)`, and
gives the `data` of the message, or None where there is nothing for this owner.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Max, Min, Sum
from django.urls import reverse

from findings import access as findings_access
from findings.models import Finding, Severity
from invariants.models import Drift, InvariantMove
from inventory import access
from inventory.models import Account, Collection
from inventory.queries.runs import PROBLEMS, standing
from posture.models import Erratum, FindingNews, WebhookEvent, WeeklyReview
from posture.policies import webhooks as policies
from posture.queries.webhooks import exceptions

# Of a batch: the rest is counted, and the page has them all.
FINDINGS_TOLD: Final = 50
_PROBLEMS_TOLD: Final = 20
_DRIFT_TOLD: Final = 50
_WORST_FIRST: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")
_VERSION: Final = 1

Teller = Callable[[WebhookEvent, User], dict[str, Any] | None]


def message(event: WebhookEvent, owner: User) -> str | None:
    """The body of the request, as JSON; None where the owner is not to be told. Ten queries at most."""
    if not policies.may_be_told(owner, event.type):
        return None
    data = _TELLERS[event.type](event, owner)
    if data is None:
        return None
    envelope = {
        "id": event.event_id,
        "type": event.type,
        "version": _VERSION,
        "time": event.happened_at,
        "organization": {"id": event.organization.org_id, "name": event.organization.name},
        "data": data,
    }
    return orjson.dumps(envelope, option=orjson.OPT_UTC_Z).decode()


def scope_key(owner: User) -> str:
    """The same for the same scope: a message is sent only while its owner sees what they saw."""
    scope = access.scope_of(owner)
    return hashlib.sha256(orjson.dumps(scope)).hexdigest()


def _test(event: WebhookEvent, owner: User) -> dict[str, Any]:
    return {
        "message": "A test of this webhook. Nothing has happened.",
        "sent_by": event.payload["sent_by"],
    }


def _findings(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    accounts = Account.objects.filter(
        findings_access.findings(owner, prefix=""), organization=event.organization, gone_at=None
    )
    news = FindingNews.objects.filter(event=event, account_id__in=accounts.values("pk"))
    counted = news.values("severity").annotate(found=Sum("count")).order_by()
    by_severity = {row["severity"]: row["found"] for row in counted}
    if not by_severity:
        return None
    total = sum(by_severity.values())
    told = _told(news, owner)
    times = news.aggregate(first=Min("at"), last=Max("at"))
    return {
        "count": total,
        "by_severity": {name: by_severity.get(name, 0) for name in _WORST_FIRST},
        "accounts": news.aggregate(found=Count("account_id", distinct=True))["found"],
        "since": times["first"],
        "until": times["last"],
        "findings": told,
        "is_complete": len(told) == total,
        "url": _address("findings:list"),
    }


def _told(news: Any, owner: User) -> list[dict[str, Any]]:  # Any: a QuerySet of FindingNews
    """Some of the findings, the worst first."""
    ids: list[int] = []
    for severity in _WORST_FIRST:
        rows = news.filter(severity=severity).order_by("pk")[:FINDINGS_TOLD]
        ids += [pk for row in rows.values_list("finding_ids", flat=True) for pk in row]
        if len(ids) >= FINDINGS_TOLD:
            break
    found = Finding.objects.visible_to(owner).filter(pk__in=ids)
    rows = found.select_related("account", "control").order_by("-severity_rank", "pk")
    return [_finding(row) for row in rows[:FINDINGS_TOLD]]


def _finding(row: Finding) -> dict[str, Any]:
    return {
        "id": row.pk,
        "finding_id": row.finding_id,
        "control": row.control.control_id,
        "title": row.title,
        "severity": Severity(row.severity).value,
        "status": row.status,
        "workflow": row.workflow,
        "account_id": row.account.account_id,
        "region": row.region,
        "resource_id": row.resource_id,
        "due_at": row.due_at,
        "url": _address("findings:detail", row.pk),
    }


def _review(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    rows = WeeklyReview.objects.visible_to(owner).defer("snapshot")
    review = rows.filter(organization=event.organization, pk=event.payload["review"]).first()
    if review is None:
        return None
    told = {
        "week": str(review),
        "starts_on": review.starts_on,
        "ends_on": review.ends_on,
        "data_as_of": review.data_as_of,
        "url": _address("posture:review", str(review)),
    }
    if event.type == policies.REVIEW_FROZEN:
        # What a draft says is not said yet.
        return told
    told |= {"answer": review.answer, "headline": review.headline}
    told |= {"published_at": review.published_at, "published_by": review.published_by}
    if event.type == policies.REVIEW_ERRATUM:
        erratum = Erratum.objects.filter(review=review, pk=event.payload["erratum"]).first()
        if erratum is None:
            return None
        told["erratum"] = {"text": erratum.text, "written_by": erratum.written_by}
    return told


def _move(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    """Which step, by whom, why, and which gates were let pass."""
    rows = InvariantMove.objects.visible_to(owner).select_related("invariant", "version")
    move = rows.filter(invariant__organization=event.organization, pk=event.payload["move"]).first()
    if move is None:
        return None
    return {
        "invariant": move.invariant.key,
        "statement": move.invariant.statement,
        "before": move.before,
        "after": move.after,
        "at": move.at,
        "by": move.by_name,
        "why": move.why,
        "version": move.version.number,
        "waived": [gate["gate"] for gate in move.gates if gate["state"] == "WAIVED"],
        "url": _address("invariants:detail", move.invariant.key),
    }


def _drift(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    """What opened or ended; the texts of policies are on the page, for who may read them."""
    rows = Drift.objects.visible_to(owner).filter(
        organization=event.organization, pk__in=event.payload["drift"]
    )
    counted = {row["severity"]: row["found"] for row in _by_severity(rows)}
    total = sum(counted.values())
    if not total:
        return None
    related = rows.select_related("invariant", "account").order_by("pk")
    found = sorted(related, key=lambda row: (_WORST_FIRST.index(row.severity), row.pk))
    return {
        "count": total,
        "by_severity": {name: counted.get(name, 0) for name in _WORST_FIRST},
        "drift": [_one_drift(row) for row in found[:_DRIFT_TOLD]],
        "is_complete": total <= _DRIFT_TOLD,
        "url": _address("invariants:drift"),
    }


def _by_severity(rows: Any) -> Any:  # Any: QuerySets of Drift
    return rows.values("severity").annotate(found=Count("pk")).order_by()


def _one_drift(row: Drift) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        "severity": row.severity,
        "invariant": row.invariant.key if row.invariant else None,
        "summary": row.summary,
        "policy": row.policy_name,
        "target_id": row.target_id,
        "first_seen": row.first_seen,
        "ended_at": row.ended_at,
        "changed_by": row.changed_by,
        "url": _address("invariants:drift_entry", row.pk),
    }


def _collection(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    collection = Collection.objects.filter(pk=event.payload["collection"]).first()
    if collection is None:
        return None
    runs = standing.visible(owner).filter(collection=collection)
    states = runs.values("state").annotate(found=Count("pk")).order_by("state")
    problems = runs.filter(state__in=PROBLEMS).order_by("source", "account_id", "region", "pk")
    return {
        "collection": collection.pk,
        "state": collection.state,
        "as_of": collection.as_of,
        "finished_at": collection.finished_at,
        "runs": {row["state"]: row["found"] for row in states},
        "problems": [
            {
                "source": run.source,
                "account_id": run.account_id,
                "region": run.region,
                "state": run.state,
                "missing_permission": run.missing_permission,
            }
            for run in problems[:_PROBLEMS_TOLD]
        ],
        "url": _address("posture:sync"),
    }


def _address(name: str, *args: object) -> str:
    return f"{settings.BASE_URL}{reverse(name, args=args)}"


_TELLERS: Final[Mapping[str, Teller]] = {
    policies.TEST: _test,
    policies.FINDINGS_OPENED: _findings,
    policies.FINDINGS_CLOSED: _findings,
    policies.FINDINGS_WORKFLOW: _findings,
    policies.REVIEW_FROZEN: _review,
    policies.REVIEW_PUBLISHED: _review,
    policies.REVIEW_ERRATUM: _review,
    policies.INVARIANT_MOVED: _move,
    policies.DRIFT_OPENED: _drift,
    policies.DRIFT_ENDED: _drift,
    policies.COLLECTION_FAILED: _collection,
    policies.COLLECTION_PARTIAL: _collection,
    **dict.fromkeys(policies.EXCEPTIONS, exceptions.told),
}
