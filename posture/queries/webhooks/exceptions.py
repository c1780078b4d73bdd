"""What a webhook is told of an exception: as much as its owner may see of it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse

from invariants.models import ExceptionEvent, ExceptionRequest, ExceptionScope
from posture.models import WebhookEvent


def told(event: WebhookEvent, owner: User) -> dict[str, Any] | None:
    """The record as it is now, and what happened to it; None where the owner does not see it."""
    rows = ExceptionRequest.objects.visible_to(owner).filter(organization=event.organization)
    request = rows.select_related("invariant", "control").filter(pk=event.payload["exception"])
    found = request.first()
    if found is None:
        return None
    happened = ExceptionEvent.objects.filter(request=found, pk=event.payload["event"]).first()
    scope = ExceptionScope.objects.visible_to(owner).filter(request=found, kind="ACCOUNT")
    return {
        "exception": found.ref,
        "title": found.title,
        "state": found.state,
        "severity": found.severity,
        "residual_risk": found.residual_risk or None,
        "is_emergency": found.is_emergency,
        "target": found.target_kind,
        "invariant": found.invariant.key if found.invariant else None,
        "control": found.control.control_id if found.control else None,
        "requested_by": found.requester_name,
        "account_ids": sorted(scope.values_list("value", flat=True)),
        "until": found.until,
        "due_at": found.due_at,
        "by": happened.who_name if happened else None,
        "why": happened.note if happened else "",
        "url": settings.BASE_URL + reverse("exceptions:detail", args=[found.ref]),
    }
