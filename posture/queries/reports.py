"""The reports that a person asked for; nobody else's."""

from django.contrib.auth.models import User

from inventory.access import AnyUser
from posture.models import Report


def reports(user: AnyUser) -> tuple[Report, ...]:
    """Newest first, without their content. One query."""
    if not isinstance(user, User):
        return ()
    rows = Report.objects.filter(requested_by=user).select_related("ou").defer("content")
    return tuple(rows.order_by("-pk"))


def report(user: AnyUser, pk: int) -> Report | None:
    """With its content. One query."""
    if not isinstance(user, User):
        return None
    return Report.objects.filter(requested_by=user, pk=pk, state=Report.State.DONE).first()
