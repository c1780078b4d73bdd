"""Questions of the kind: what would change if this policy were attached here, or detached."""

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

from inventory import access
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class WhatIfQuerySet(models.QuerySet["WhatIf"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """For who sees everything: it holds the text of a policy and names accounts of every team."""
        return self if access.scope_of(user).everything else self.none()

    def unfinished(self) -> Self:
        return self.filter(state__in=[WhatIf.State.WAITING, WhatIf.State.RUNNING])


class WhatIf(models.Model):
    """One question with its answer, kept until `expires_at`: nothing in AWS is changed by it.

    `policy_text` is the text as it was asked about, so that the answer stays understandable when the
    policy changes. `digest` (SHA-256) is of what was asked. `result` is what
    `invariants.evaluation.what_if` writes, null until `state` is DONE; `done` and `total` count stacks.
    """

    class Act(models.TextChoices):
        ATTACH = "ATTACH", "attach"
        DETACH = "DETACH", "detach"

    class Source(models.TextChoices):
        INVARIANT = "INVARIANT", "an invariant of the catalogue"
        AWS = "AWS", "a policy in AWS"
        TEXT = "TEXT", "a text"

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        RUNNING = "RUNNING", "being worked out"
        DONE = "DONE", "answered"
        FAILED = "FAILED", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    act = models.CharField(max_length=6, choices=Act.choices)
    source = models.CharField(max_length=9, choices=Source.choices)
    # The invariant's key, the policy's id in AWS, or "" for a text.
    policy_ref = models.CharField(max_length=130, blank=True)
    policy_name = models.CharField(max_length=128)
    policy_type = models.CharField(max_length=60)
    policy_text = models.TextField()
    target_id = models.CharField(max_length=68)
    target_name = models.CharField(max_length=300)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    error = models.TextField(blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by_name = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects = models.Manager.from_queryset(WhatIfQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="DONE", result__isnull=False)
                | (~models.Q(state="DONE") & models.Q(result=None)),
                name="invariants_whatif_done_has_a_result",
            ),
            models.CheckConstraint(
                condition=models.Q(digest__regex=r"^[0-9a-f]{64}$"),
                name="invariants_whatif_digest",
            ),
        ]
        indexes = [
            # The questions asked last, on the page of the form.
            models.Index(fields=["organization", "-requested_at"], name="invariants_whatif_newest")
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.policy_name} at {self.target_id}"
