"""Webhooks from the terminal: how they stand, and sending again what was given up."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Q
from django.utils import timezone

from posture import tasks
from posture.actions import webhooks as actions
from posture.models import Webhook, WebhookDelivery

_State = WebhookDelivery.State


class Command(BaseCommand):
    help = "List webhooks; with --replay NAME send again what that one was not sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replay", metavar="NAME", help="the name of a webhook")
        parser.add_argument(
            "--hours", type=int, metavar="N", help="only what was written in the last N hours"
        )

    def handle(self, **options: Any) -> None:
        if options["replay"]:
            self._replay(options["replay"], hours=options["hours"])
        else:
            self._list()

    def _list(self) -> None:
        waiting = Q(deliveries__state__in=[_State.WAITING, _State.SENDING])
        rows = Webhook.objects.select_related("owner").annotate(
            waiting=Count("deliveries", filter=waiting),
            given_up=Count("deliveries", filter=Q(deliveries__state=_State.GIVEN_UP)),
        )
        row: Any  # a Webhook with its counts
        for row in rows.order_by("name", "pk"):
            state = "on" if row.is_active else f"off ({row.off_reason or 'by hand'})"
            if row.is_active and row.failing_since:
                state = f"failing since {row.failing_since:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(
                f"{row.name}: {row.host}, as {row.owner.get_username()}, {state}; "
                f"{row.waiting} waiting, {row.given_up} given up"
            )
        if not rows:
            self.stdout.write("There are no webhooks.")

    def _replay(self, name: str, *, hours: int | None) -> None:
        now = timezone.now()
        webhook = Webhook.objects.filter(name=name).order_by("pk").first()
        if webhook is None:
            raise CommandError(
                f"There is no webhook “{name}”: run this without --replay for a list."
            )
        since = now - timedelta(hours=hours) if hours else None
        try:
            keys = actions.replay_all(webhook, by=None, since=since, now=now)
        except actions.Refused as error:
            raise CommandError(f"{error} It is done on its page.") from error
        for key in keys:
            tasks.webhook_deliver.delay(delivery_id=key)
        self.stdout.write(f"{len(keys)} to be sent again.")
