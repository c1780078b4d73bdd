"""The edit of policies that was approved with a request."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from invariants.models.exceptions.requests import ExceptionRequest
from inventory import access

if TYPE_CHECKING:
    from inventory.access import AnyUser


class ExceptionPolicyEditQuerySet(models.QuerySet["ExceptionPolicyEdit"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: it holds the text of policies."""
        return self if access.scope_of(user).everything else self.none()


class ExceptionPolicyEdit(models.Model):
    """What approval would change in AWS, as it stood when it was approved or granted. Only ever added to.

    `content` is what `invariants.carving.Edit.as_json` tells, {} where none could be made; `why` and
    `instead` say then why, and what helps. `round` is the submission that it belongs to.
    """

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="policy_edits"
    )
    round = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    content = models.JSONField(default=dict)
    why = models.TextField(blank=True)
    instead = models.TextField(blank=True)

    objects = models.Manager.from_queryset(ExceptionPolicyEditQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(content={}) & ~Q(why="")) | (~Q(content={}) & Q(why="")),
                name="invariants_exceptionpolicyedit_or_why_not",
            )
        ]

    def __str__(self) -> str:
        return f"edit of {self.request_id} at {self.at:%Y-%m-%d %H:%M:%S}"
