"""One person's clock: quiet hours and the digest, in their own time zone."""

from datetime import time
from typing import Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User

from inventory.models import Organization
from posture.models import NotificationSettings
from posture.models.notifications import Rhythm
from posture.policies.notification_times import Hours

DIGEST_AT: Final = time(8)


def settings_of(user: User) -> NotificationSettings:
    """Those that are stored, or the defaults, which are not. One query."""
    found = NotificationSettings.objects.filter(user=user).first()
    return found or NotificationSettings(user=user, digest_at=DIGEST_AT)


def of(user: User, organization: Organization) -> Hours:
    """The person's clock. One query."""
    row = settings_of(user)
    return Hours(
        zone=ZoneInfo(row.time_zone or organization.time_zone),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        is_weekly=row.digest == Rhythm.WEEKLY,
        digest_at=row.digest_at,
    )
