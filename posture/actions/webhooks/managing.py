"""What people do with webhooks. Changes of a webhook enter the audit log by themselves; the rest here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet

from inventory.models import Organization
from posture import outgoing
from posture.actions import audit
from posture.actions.webhooks import outbox, sending, signing, standing
from posture.models import Profile, Webhook, WebhookDelivery, WebhookEvent
from posture.policies import roles, sealing, sign_in
from posture.policies import webhooks as policies

State = WebhookDelivery.State
MOST: Final = 50
NAME: Final = 80
# So long both secrets are good after a rotation.
OVERLAP: Final = timedelta(hours=24)


class Refused(ValueError):
    """Something that cannot be; the text is a sentence for people, with the remedy.

    `field` is the one of the form that it is about, "" for all of it.
    """

    def __init__(self, text: str, *, field: str = "") -> None:
        super().__init__(text)
        self.field = field


@transaction.atomic
def add(  # noqa: PLR0913 - what a webhook is made of
    by: User,
    organization: Organization,
    *,
    name: str,
    url: str,
    events: Iterable[str],
    owner: User,
    now: datetime,
) -> tuple[Webhook, str]:
    """Make a webhook that is told what `owner` may see; returns it with its secret, once.

    :param owner: oneself, or a service account for who manages people.
    :raises PermissionDenied: without the right, or for somebody else.
    :raises Refused: for what a webhook cannot be; the text says what, and the remedy.
    """
    _permit(by)
    may_own(by, owner)
    # One after the other, so that the limit and the name hold.
    Organization.objects.select_for_update().get(pk=organization.pk)
    chosen = list(dict.fromkeys(events))
    _check(organization, name=name.strip(), events=chosen, owner=owner)
    try:
        target = outgoing.read_target(url, sending.rules())
    except outgoing.Refused as error:
        raise Refused(str(error), field="url") from error
    secret = signing.new_secret()
    webhook = Webhook.objects.create(
        organization=organization,
        name=name.strip(),
        address=sealing.seal(url.strip()),
        host=target.name,
        events=chosen,
        secret=sealing.seal(secret),
        owner=owner,
        created_by=by.get_username(),
        created_at=now,
    )
    return webhook, secret


@transaction.atomic
def rotate(by: User, pk: int, *, now: datetime) -> tuple[Webhook, str]:
    """Give it another secret, shown once; for OVERLAP every request is signed with the old one, too.

    :raises Webhook.DoesNotExist: when there is none for this person.
    """
    webhook = _locked(by, pk)
    secret = signing.new_secret()
    webhook.previous_secret, webhook.previous_until = webhook.secret, now + OVERLAP
    webhook.secret = sealing.seal(secret)
    webhook.save(update_fields=["secret", "previous_secret", "previous_until"])
    return webhook, secret


@transaction.atomic
def switch(by: User, pk: int, *, on: bool, now: datetime) -> bool:
    """On or off; False where it was so already.

    :raises Webhook.DoesNotExist: when there is none for this person.
    """
    webhook = _locked(by, pk)
    if not on:
        return standing.switch_off(webhook, now=now)
    if webhook.is_active:
        return False
    webhook.is_active, webhook.off_reason, webhook.off_at = True, "", None
    webhook.failing_since = None
    webhook.save(update_fields=["is_active", "off_reason", "off_at", "failing_since"])
    return True


@transaction.atomic
def remove(by: User, pk: int) -> str:
    """Forget the webhook and what it was sent; returns its name.

    :raises Webhook.DoesNotExist: when there is none for this person.
    """
    webhook = _locked(by, pk)
    webhook.delete()
    return webhook.name


@transaction.atomic
def send_test(by: User, pk: int, *, now: datetime) -> WebhookDelivery:
    """Note a delivery that says nothing but that it is a test; one that is off can be tested, too.

    :raises Webhook.DoesNotExist: when there is none for this person.
    :raises Refused: when its owner may not be told of anything any more.
    """
    webhook = _locked(by, pk)
    event = WebhookEvent.objects.create(
        organization=webhook.organization,
        type=policies.TEST,
        payload={"sent_by": by.get_username()},
        happened_at=now,
        fanned_out_at=now,
    )
    delivery = outbox.write_for(webhook, event, webhook.owner, now=now)
    if delivery is None:
        raise Refused(f"{webhook.owner.get_username()} is switched off: make another webhook.")
    audit.record("webhook_tested", actor=by, subject=webhook.name, details={}, now=now)
    return delivery


@transaction.atomic
def replay(by: User, pk: int, delivery_pk: int, *, now: datetime) -> WebhookDelivery:
    """Send one delivery again, with the same id.

    :raises Webhook.DoesNotExist: when there is no such webhook for this person.
    :raises WebhookDelivery.DoesNotExist: when it has no such delivery.
    :raises Refused: when the webhook is off, or the delivery is under way.
    """
    webhook = _on(_locked(by, pk))
    rows = WebhookDelivery.objects.filter(webhook=webhook).select_for_update()
    delivery = rows.get(pk=delivery_pk)
    if not _replay(rows.filter(pk=delivery_pk), now=now):
        raise Refused("It is under way: wait for it to end.")
    details = {"event": delivery.event.event_id}
    audit.record("webhook_replayed", actor=by, subject=webhook.name, details=details, now=now)
    return delivery


@transaction.atomic
def replay_given_up(by: User, pk: int, *, since: datetime | None, now: datetime) -> list[int]:
    """Send again all that was given up, written after `since` (None: all that is kept).

    :raises Webhook.DoesNotExist: when there is none for this person.
    :raises Refused: when the webhook is off.
    """
    return replay_all(_locked(by, pk), by=by, since=since, now=now)


@transaction.atomic
def replay_all(
    webhook: Webhook, *, by: User | None, since: datetime | None, now: datetime
) -> list[int]:
    """The same for whoever runs the server; `by` None is the command.

    :raises Refused: when the webhook is off.
    """
    _on(webhook)
    rows = WebhookDelivery.objects.filter(webhook=webhook, state=State.GIVEN_UP)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    _replay(WebhookDelivery.objects.filter(pk__in=keys), now=now)
    details = {"deliveries": len(keys)}
    audit.record("webhook_replayed", actor=by, subject=webhook.name, details=details, now=now)
    return keys


def may_own(by: User, owner: User) -> None:
    """:raises PermissionDenied: when `by` may not have a webhook told what `owner` sees."""
    if by.pk == owner.pk:
        return
    # As with tokens: who manages people can act for a service account, and for nobody else.
    is_service = sign_in.kind_of(owner) == Profile.Kind.SERVICE
    if not (is_service and by.has_perm(roles.MANAGE_PEOPLE)):
        raise PermissionDenied(f"{by.get_username()} makes no webhooks for {owner.get_username()}")


def _permit(by: User) -> None:
    if not by.has_perm(roles.MANAGE_WEBHOOKS):
        raise PermissionDenied(f"{by.get_username()} lacks {roles.MANAGE_WEBHOOKS}")


def _locked(by: User, pk: int) -> Webhook:
    _permit(by)
    rows = Webhook.objects.visible_to(by).select_related("owner__profile", "organization")
    return rows.select_for_update(of=("self",)).get(pk=pk)


def _on(webhook: Webhook) -> Webhook:
    if not webhook.is_active:
        raise Refused("The webhook is switched off: switch it on first.")
    return webhook


def _replay(rows: QuerySet[WebhookDelivery], *, now: datetime) -> int:
    ended = rows.filter(state__in=[State.DELIVERED, State.GIVEN_UP])
    return ended.update(
        state=State.WAITING,
        attempts=0,
        replays=F("replays") + 1,
        next_try_at=now,
        ended_at=None,
    )


def _check(organization: Organization, *, name: str, events: list[str], owner: User) -> None:
    if not name or len(name) > NAME or not name.isprintable():
        text = f"The name should have 1 to {NAME} characters: say who is told."
        raise Refused(text, field="name")
    mine = Webhook.objects.filter(organization=organization)
    if mine.filter(name=name).exists():
        raise Refused(f"There is a webhook “{name}”: choose another name.", field="name")
    if not events:
        raise Refused("It would be told of nothing: choose one event at least.", field="events")
    known = {one.code for one in policies.events_of(owner)}
    if odd := [code for code in events if code not in known]:
        text = f"{owner.get_username()} may not be told of {odd[0][:60]}: leave it out."
        raise Refused(text, field="events")
    if mine.count() >= MOST:
        raise Refused(f"There are {MOST} webhooks: remove one that is not used.")
