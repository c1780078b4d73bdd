"""The findings list as a file: the same rows in the same order, however many, in constant memory."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from findings.models import Finding

_CHUNK: Final = 2_000
# Name in the file, and where it comes from. The names are a promise: add at the end, change none.
FIELDS: Final = {
    "id": "pk",
    "severity": "severity",
    "title": "title",
    "status": "status",
    "workflow": "workflow",
    "compliance": "compliance",
    "record_state": "record_state",
    "control_id": "control__control_id",
    "area": "control__area",
    "product": "product",
    "account_id": "account__account_id",
    "account_name": "account__name",
    "ou": "account__ou__label",
    "environment": "account__environment",
    "team": "account__team__slug",
    "region": "region",
    "resource_type": "resource_type",
    "resource_id": "resource_id",
    "is_public": "is_public",
    "is_excepted": "is_excepted",
    "opened_at": "opened_at",
    "due_at": "due_at",
    "first_observed_at": "first_observed_at",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "finding_id": "finding_id",
    "product_arn": "product_arn",
}


def records(rows: "QuerySet[Finding]", names: Iterable[str] = FIELDS) -> Iterator[tuple[Any, ...]]:
    """One tuple of these of FIELDS for each finding; times as ISO 8601 in UTC, None where there is no value.

    One query, by a cursor of the server that lives as long as somebody reads.
    """
    with transaction.atomic():
        found = rows.values_list(*(FIELDS[name] for name in names))
        for values in found.iterator(chunk_size=_CHUNK):
            yield tuple(
                value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
                for value in values
            )
