"""Notifications: how one is told, one's own channels and deliveries, and those of everybody."""

from invariants.models import ExceptionRequest
from posture.models import NotificationChannel, NotificationDelivery, NotificationEvent
from posture.policies import roles, sealing
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import Row

KEEP = (roles.MANAGE_WEBHOOKS, roles.SEE_EVERYTHING)


def furnish(world):
    """A channel and a delivery of two people; what they were sent is about an exception of others."""
    foreign = ExceptionRequest.objects.filter(title="zanzi archive").first()
    source = NotificationEvent.objects.create(
        organization=foreign.organization,
        key="of the matrix",
        trigger="COMMENT",
        request=foreign,
        at=NOW,
        fanned_out_at=NOW,
    )
    for name in ("engineer", "team member"):
        person = world.people[name]
        channel = NotificationChannel.objects.create(
            owner=person.user,
            name=f"chat of the {name}",
            service="JSON",
            address=sealing.seal(f"https://hooks.example.com/{name}"),
            host="hooks.example.com",
            created_at=NOW,
        )
        delivery = NotificationDelivery.objects.create(
            source=source,
            user=person.user,
            channel=channel,
            kind="COMMENT",
            state="GIVEN_UP",
            created_at=NOW,
            ended_at=NOW,
        )
        world.thing("channel", **{person.own: channel.pk})
        world.thing("notification", **{person.own: delivery.pk})
    world.thing("channel", none=1)
    world.thing("notification", none=1)
    world.thing("notification kind", all="mention", none="nothing")


_HOURS = {"digest": "DAILY", "digest_at": "08:00", "time_zone": "Europe/Berlin"}
_CHANNEL = {"name": "Chat", "service": "JSON", "address": "https://nowhere.example.com/x"}

ROWS: tuple[Row, ...] = (
    Row("posture:notifications", targets=()),
    Row("posture:notification_choices", sent={"MENTION-mail": "OFF"}, allowed=302),
    Row("posture:notification_hours", sent=_HOURS, allowed=302),
    # No host is allowed there.
    Row("posture:channel_add", sent=_CHANNEL, allowed=422),
    Row("posture:channel_test", of="channel", sent={}, allowed=302),
    Row("posture:channel_remove", of="channel", sent={}, allowed=302),
    Row("posture:notification_stop", of="notification kind", targets=()),
    Row("posture:notification_stop", of="notification kind", sent={}, allowed=302),
    Row("posture:notification_log", right=KEEP, query=("", "?state=GIVEN_UP"), targets=()),
    Row(
        "posture:notification_again",
        of="notification",
        over=roles.MANAGE_WEBHOOKS,
        sent={},
        allowed=302,
    ),
)
