"""The edit of policies that goes with an approval: kept as it stood when somebody said yes to it."""

from datetime import datetime

from invariants.models import ExceptionPolicyEdit, ExceptionRequest
from invariants.models.exceptions import Mechanism
from invariants.queries.exceptions import policy_edit


def keep(request: ExceptionRequest, *, now: datetime) -> ExceptionPolicyEdit | None:
    """Work the edit out and keep it, or why none can be made; None where no policy is involved."""
    if request.mechanism == Mechanism.NONE:
        return None
    content, refused = policy_edit.putting_in(request, now=now)
    return ExceptionPolicyEdit.objects.create(
        request=request,
        round=request.round,
        at=now,
        content=dict(content),
        why=refused.why if refused else "",
        instead=refused.instead if refused else "",
    )
