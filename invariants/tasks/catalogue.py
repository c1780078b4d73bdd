"""Reads the catalogue's files into the database, before anything is worked out from it."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from invariants.models import CatalogLoad
from inventory.models import Organization

logger = logging.getLogger(__name__)


@shared_task(name="invariants.load_catalog")
def load_catalog(**_: Any) -> int:
    return load_catalogues(now=timezone.now())


def load_catalogues(*, now: datetime) -> int:
    """Read what is new into each organisation; returns how many readings there were.

    What was loaded before holds on where the files are wrong, and where reading them fails otherwise:
    findings and scores do not wait for that.
    """
    # It takes a second to import; web processes, which only send messages, are spared it.
    from invariants.ingest import catalogue  # noqa: PLC0415

    folders = [Path(folder) for folder in settings.POSTURE_CATALOG_FOLDERS]
    read = 0
    for organization in Organization.objects.order_by("pk"):
        try:
            load = catalogue.load_catalogue(organization, folders=folders, now=now)
        except Exception:
            logger.exception("The catalogue could not be loaded; the one before holds on.")
            continue
        read += load is not None
        if load is not None and load.state == CatalogLoad.State.REFUSED:
            logger.error(
                "The catalogue has %s mistakes and was not loaded: see `manage.py load_catalog --check`.",
                len(load.problems),
            )
    return read
