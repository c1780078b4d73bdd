"""Webhooks."""

from posture.models import Webhook, WebhookDelivery, WebhookEvent
from posture.policies import roles, sealing
from tests import factories
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import Row

MANAGE = roles.MANAGE_WEBHOOKS


def furnish(world):
    owner = factories.person(role="Security lead", username="zanzi-hook-owner")
    # What is sent is told to nobody on a page, whoever manages webhooks.
    body = '{"data": {"count": 1409, "findings": [{"title": "zanzi bucket is public"}]}}'
    webhook = Webhook.objects.create(
        organization=factories.organization(),
        name="Ticket bridge",
        address=sealing.seal("https://hooks.example.com/zanzi-path"),
        host="hooks.example.com",
        events=["findings.opened"],
        secret=sealing.seal("whsec_zanzi"),
        owner=owner,
        created_by=owner.get_username(),
        created_at=NOW,
    )
    event = WebhookEvent.objects.create(
        organization=factories.organization(),
        type="findings.opened",
        happened_at=NOW,
        fanned_out_at=NOW,
    )
    delivery = WebhookDelivery.objects.create(
        webhook=webhook,
        event=event,
        body=body,
        scope="",
        state="GIVEN_UP",
        created_at=NOW,
        ended_at=NOW,
    )
    world.thing("webhook", all=webhook.pk, none=1)
    world.thing("webhook delivery", all=(webhook.pk, delivery.pk), none=(webhook.pk, 1))


ROWS: tuple[Row, ...] = (
    Row("posture:webhooks", right=MANAGE, targets=()),
    Row("posture:webhooks", right=MANAGE, sent={}, allowed=422),
    Row("posture:webhook", of="webhook", right=MANAGE, targets=("deliveries",)),
    Row("posture:webhook_rotate", of="webhook", right=MANAGE, sent={}),
    Row("posture:webhook_switch", of="webhook", right=MANAGE, sent={"on": "1"}, allowed=302),
    Row("posture:webhook_test", of="webhook", right=MANAGE, sent={}, allowed=302),
    Row("posture:webhook_replay", of="webhook", right=MANAGE, sent={"since": "all"}, allowed=302),
    Row("posture:delivery_replay", of="webhook delivery", right=MANAGE, sent={}, allowed=302),
    Row("posture:webhook_remove", of="webhook", right=MANAGE, sent={}, allowed=302),
)
