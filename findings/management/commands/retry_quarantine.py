"""Reads again what could not be taken in, for instance after an upgrade or a new account."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from findings import ingest
from inventory.models import Organization


class Command(BaseCommand):
    help = "Try to take in every finding that is in quarantine; what still cannot be, stays there."

    def handle(self, **options: Any) -> None:
        for organization in Organization.objects.order_by("pk"):
            counts = ingest.retry_quarantine(organization, as_of=timezone.now())
            parts = ", ".join(f"{count:,} {name}" for name, count in counts.items())
            self.stdout.write(f"{organization.org_id}: {parts}")
