"""Many findings at once: what can be read, what can't and why, and how far we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import fields
from findings.normalise.records import FindingRecord, Page, Rejected, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def _all(_: FindingRecord) -> bool:
    return True


def page(
    entries: Iterable[Any],
    *,
    parse: Callable[[Any], FindingRecord],
    is_wanted: Callable[[FindingRecord], bool] = _all,
    shape: str = "asff",
    context: Mapping[str, str] | None = None,
) -> Page:
    """Return the page of these entries; one that is unreadable stops none of the others.

    `shape` and `context` are what the unreadable ones will be read with when they are tried again.
    """
    findings: list[FindingRecord] = []
    rejected: list[Rejected] = []
    for raw in entries:
        try:
            record = parse(raw)
        except Unreadable as e:
            rejected.append(Rejected(source_id(raw), str(e), raw, shape, dict(context or {})))
            continue
        if is_wanted(record):
            findings.append(record)
    latest = max((record.updated_at for record in findings), default=None)
    return Page(tuple(findings), tuple(rejected), latest)


def source_id(raw: object) -> str:
    """Return what the sender calls a finding, in whatever format; "" where nothing does."""
    if not isinstance(raw, dict):
        return ""
    for place, name in (
        (raw, "Id"),
        (fields.mapping(raw, "finding_info"), "uid"),
        (fields.mapping(raw, "metadata"), "uid"),
        (raw, "id"),
        (raw, "findingId"),
    ):
        if place.get(name):
            return fields.shown(place, name)
    return ""
