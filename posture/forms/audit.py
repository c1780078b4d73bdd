"""What narrows the audit log."""

from datetime import date
from typing import Final

from django.http import QueryDict

from posture.models import AuditEntry
from posture.queries.audit.listing import Asked

_LONGEST: Final = 150
KINDS: Final = tuple(AuditEntry.Who.choices)


def asked(query: QueryDict) -> Asked:
    """What is not known in the query is left out; a day that is none is told."""
    kind, wrong = query.get("kind", ""), ""
    days: dict[str, date | None] = {}
    for name, label in (("since", "From"), ("until", "To")):
        text = query.get(name, "").strip()
        try:
            days[name] = date.fromisoformat(text) if text else None
        except ValueError:
            days[name], wrong = None, f"{label} is no day: write it as 2026-01-31."
    if not wrong and days["since"] and days["until"] and days["since"] > days["until"]:
        wrong = "The first day is after the last one."
    return Asked(
        q=_text(query, "q"),
        who=_text(query, "who"),
        kind=kind if kind in AuditEntry.Who.values else "",
        event=_text(query, "event"),
        since=days["since"],
        until=days["until"],
        wrong=wrong,
    )


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").replace("\0", "").strip()[:_LONGEST]
