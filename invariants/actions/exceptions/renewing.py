"""The next of a line: a renewal is a request of its own, reviewed like the first."""

from datetime import datetime
from typing import Final

from django.db import transaction

from invariants.actions.exceptions.drafting import EDITABLE, begin_request, may_ask
from invariants.actions.exceptions.recording import By, opened, record
from invariants.models import ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import NotAllowed, clocks
from invariants.policies.exceptions.guards import REDESIGN

_RENEWABLE: Final = (ExceptionState.ACTIVE, ExceptionState.EXPIRING, ExceptionState.EXPIRED)


@transaction.atomic
def renew(by: By, pk: int, *, now: datetime) -> ExceptionRequest:
    """Begin the next of its line: a draft with the same content, which is reviewed like any other.

    :raises NotAllowed: after two renewals, and where another renewal is under way.
    """
    may_ask(by)
    one = opened(by, pk, now=now)
    old = one.request
    if missing := _against_renewal(by, old):
        raise NotAllowed(missing)
    same = {name: getattr(old, name) for name in EDITABLE - {"asked_until", "is_emergency"}}
    target = {
        name: getattr(old, name)
        for name in ("target_kind", "invariant", "control", "finding_key", "severity")
    }
    if target["finding_key"] is not None:
        target["finding_key"] = bytes(target["finding_key"])
    same |= target | {"renews": old, "renewal": old.renewal + 1, "starts_on": one.at.today}
    record(one, Verb.RENEW)
    new = begin_request(by, old.organization, same, now=now)
    rows = [
        ExceptionScope(request=new, kind=x.kind, value=x.value, account=x.account, ou=x.ou)
        for x in old.scope.order_by("kind", "value").select_related("account", "ou")
    ]
    ExceptionScope.objects.bulk_create(rows)
    return new


def _against_renewal(by: By, old: ExceptionRequest) -> tuple[str, ...]:
    missing = []
    if old.requester_id != by.user.pk:
        missing.append("Only who asked for it renews it; others make a request of their own.")
    if old.state not in _RENEWABLE:
        missing.append("Only what is in force, or has just expired, is renewed.")
    if old.renewal >= clocks.MOST_RENEWALS:
        missing.append(REDESIGN)
    given_up = [ExceptionState.WITHDRAWN, ExceptionState.REJECTED]
    if old.renewals.exclude(state__in=given_up).exists():
        missing.append("Its renewal is already under way.")
    return tuple(missing)
