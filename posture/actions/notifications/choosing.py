"""How one person wants to be told: kinds by channel, quiet hours, and the digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import User
from django.db import transaction

from posture.models import NotificationChannel, NotificationChoice, NotificationSettings
from posture.models.notifications import Mode, NotificationKind, Rhythm
from posture.policies import notifications as policies


class Refused(ValueError):
    """Something that cannot be; the text is a sentence for people, with the remedy.

    `field` is the one of the form that it is about, "" for all of it.
    """

    def __init__(self, text: str, *, field: str = "") -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person's hours: `time_zone` is an IANA name, "" for the organisation's."""

    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    digest: Rhythm
    digest_at: time


@transaction.atomic
def choose(user: User, wanted: Mapping[tuple[str, int | None], Mode]) -> int:
    """Keep how one wants each kind by each of one's own channels (None is mail); returns how many.

    :raises Refused: where a mandatory kind would be switched off by mail, or a channel is another's.
    """
    own = set(
        NotificationChannel.objects.filter(owner=user, is_room=False).values_list("pk", flat=True)
    )
    for (code, channel), mode in wanted.items():
        _check(code, channel, mode, own=own)
    rows = [
        NotificationChoice(user=user, kind=code, channel_id=channel, mode=mode)
        for (code, channel), mode in wanted.items()
    ]
    # One after the other, so that two windows of one person do not collide.
    User.objects.select_for_update().get(pk=user.pk)
    NotificationChoice.objects.filter(user=user).delete()
    return len(NotificationChoice.objects.bulk_create(rows))


def _check(code: str, channel: int | None, mode: Mode, *, own: set[int]) -> None:
    known = policies.BY_CODE.get(code)
    if known is None:
        raise Refused(f"There is no notification “{code[:40]}”.")
    if channel is not None and channel not in own:
        raise Refused("That channel is none of yours.")
    if channel is None and mode not in known.modes:
        allowed = " or ".join(str(one.label) for one in known.modes)
        raise Refused(f"“{known.name}” always comes by mail: {allowed}.", field=code)


@transaction.atomic
def set_hours(user: User, wanted: Wanted) -> NotificationSettings:
    """Keep one's quiet hours and digest.

    :raises Refused: for a time zone that there is not, or quiet hours that have no end.
    """
    if wanted.time_zone:
        try:
            ZoneInfo(wanted.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            text = f"“{wanted.time_zone[:60]}” is no time zone: write one such as Europe/Berlin."
            raise Refused(text, field="time_zone") from error
    if (wanted.quiet_from is None) != (wanted.quiet_until is None):
        raise Refused("Quiet hours need both times, or neither.", field="quiet_until")
    if wanted.quiet_from is not None and wanted.quiet_from == wanted.quiet_until:
        raise Refused("Quiet hours of a whole day would hold everything back.", field="quiet_until")
    row, _ = NotificationSettings.objects.update_or_create(
        user=user,
        defaults={
            "time_zone": wanted.time_zone,
            "quiet_from": wanted.quiet_from,
            "quiet_until": wanted.quiet_until,
            "digest": wanted.digest,
            "digest_at": wanted.digest_at,
        },
    )
    return row


@transaction.atomic
def stop(user: User, code: str) -> bool:
    """Send no more of a kind by mail; False where it was off already.

    :raises Refused: where it is mandatory, or there is none such.
    """
    _check(code, None, Mode.OFF, own=set())
    found = NotificationChoice.objects.filter(user=user, kind=NotificationKind(code), channel=None)
    if found.filter(mode=Mode.OFF).exists():
        return False
    NotificationChoice.objects.update_or_create(
        user=user, kind=NotificationKind(code), channel=None, defaults={"mode": Mode.OFF}
    )
    return True
