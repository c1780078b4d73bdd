"""The reports that a person asked for; nobody else's.

Of OUs that they still see: who has lost an OU has no more of it to fetch.
"""

from django.contrib.auth.models import User
from django.db.models import QuerySet

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture.models import Report


def _visible(user: User) -> QuerySet[Report]:
    return Report.objects.filter(
        requested_by=user, ou__in=OrganizationalUnit.objects.visible_to(user)
    )


def reports(user: AnyUser) -> tuple[Report, ...]:
    """Newest first, without their content. One query."""
    if not isinstance(user, User):
        return ()
    rows = _visible(user).select_related("ou").defer("content")
    return tuple(rows.order_by("-pk"))


def report(user: AnyUser, pk: int) -> Report | None:
    """With its content. One query."""
    if not isinstance(user, User):
        return None
    return _visible(user).filter(pk=pk, state=Report.State.DONE).first()
