"""Many findings at once: what can be read, what can't and why, and how far we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise.records import FindingRecord, Page, Rejected, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def _all(_: FindingRecord) -> bool:
    return True


def page(
    entries: Iterable[Mapping[str, Any]],
    *,
    parse: Callable[[Mapping[str, Any]], FindingRecord],
    is_wanted: Callable[[FindingRecord], bool] = _all,
) -> Page:
    """Return the page of these entries; one that is unreadable stops none of the others."""
    findings: list[FindingRecord] = []
    rejected: list[Rejected] = []
    for raw in entries:
        try:
            record = parse(raw)
        except Unreadable as e:
            source_id = raw.get("Id") or raw.get("id") or ""
            rejected.append(Rejected(str(source_id), str(e), raw))
            continue
        if is_wanted(record):
            findings.append(record)
    latest = max((record.updated_at for record in findings), default=None)
    return Page(tuple(findings), tuple(rejected), latest)
