from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """What a program signs its requests with: its hash alone is kept, and the row for ever.

    It may do what both its owner and `rights` (codes of posture.policies.roles) allow.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # Not the key: addresses of pages name a token by a number.
    digest = models.CharField(max_length=128, unique=True)
    name = models.CharField(max_length=80)
    rights = ArrayField(models.CharField(max_length=100))
    created = models.DateTimeField()
    expiry = models.DateTimeField()
    # The owner, or who manages people; null when that user is gone.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # To the minute.
    last_used_at = models.DateTimeField(null=True)
    last_address = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)

    objects: models.Manager["ApiToken"] = models.Manager()

    class Meta:
        indexes = [
            # One's own tokens, and those of everybody: the newest first.
            models.Index(fields=["user", "-id"], name="posture_apitoken_owner")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(expiry__gt=models.F("created")), name="posture_apitoken_order"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by="")
                | (Q(revoked_at__isnull=False) & ~Q(revoked_by="")),
                name="posture_apitoken_revoked_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & Q(rights__len__gt=0), name="posture_apitoken_named"
            ),
        ]

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user_id}"

    def is_live(self, *, now: datetime) -> bool:
        return self.revoked_at is None and self.expiry > now
