"""The sections of a request's page that come from elsewhere."""

from datetime import datetime
from typing import Any

from invariants.models import ExceptionRequest
from invariants.queries.exceptions import policy_edit, reconciliation
from inventory.access import AnyUser


def of(user: AnyUser, item: ExceptionRequest, *, now: datetime) -> dict[str, Any]:
    """What their templates read, by name."""
    return {
        "policy_edit": policy_edit.section(user, item),
        "reconciliation": reconciliation.section(user, item, now=now),
    }
