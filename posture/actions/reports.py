"""Reports on demand: asked for by a person, made by a worker of what that person may see."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User

from inventory.models import OrganizationalUnit
from posture import reports
from posture.models import Report
from posture.queries import accounts
from posture.queries.accounts import AccountFilters, AccountRow
from posture.queries.scorecard import Scorecard, scorecard

# A report is for taking along, not for keeping.
KEPT_PER_PERSON: Final = 20
_ERROR_LENGTH: Final = 300
_GONE: Final = "The OU is gone, or you may not see all of it any more. Ask for another."


def ask_for_report(user: User, ou: OrganizationalUnit, *, day: date, kind: str) -> Report:
    """Note that somebody wants it; the oldest of theirs go.

    :raises ValueError: when `kind` is neither "PDF" nor "CSV".
    """
    report = Report.objects.create(
        ou=ou, day=day, format=Report.Format(kind.upper()), requested_by=user
    )
    kept = Report.objects.filter(requested_by=user).order_by("-pk").values("pk")[:KEPT_PER_PERSON]
    old = Report.objects.filter(requested_by=user)
    old.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    return report


def make_report(pk: int, *, now: datetime) -> str | None:
    """Make it; returns its state, None where another worker has taken it or it is gone."""
    taken = Report.objects.filter(pk=pk, state=Report.State.WAITING)
    if not taken.update(state=Report.State.RUNNING):
        return None
    report = Report.objects.select_related("ou__organization", "requested_by").get(pk=pk)
    card = scorecard(
        report.requested_by,
        report.ou.ou_id,
        day=report.day,
        is_frozen=report.day < now.date(),
    )
    if card is None:
        return _end(report, Report.State.FAILED, now=now, error=_GONE)
    try:
        content = _content(report, card, now=now)
    except reports.Unprintable as error:
        return _end(report, Report.State.FAILED, now=now, error=str(error)[:_ERROR_LENGTH])
    report.content = content
    report.file_name = f"scorecard-{report.ou.ou_id}-{report.day}.{report.format.lower()}"
    return _end(report, Report.State.DONE, now=now)


def _content(report: Report, card: Scorecard, *, now: datetime) -> bytes:
    rows = list(_accounts(report, now=now))
    if report.format == Report.Format.CSV:
        return "".join(reports.scorecard_csv(card, rows)).encode()
    organization = report.ou.organization.label
    return reports.scorecard_pdf(card, rows, organization=organization, made_at=now)


def _accounts(report: Report, *, now: datetime) -> Iterator[AccountRow]:
    """Every account below the OU, page by page, counting them as they come."""
    filters = AccountFilters(ou_path=report.ou.path)
    is_frozen = report.day < now.date()
    user, day = report.requested_by, report.day
    report.total = accounts.total(user, filters, day=day, is_frozen=is_frozen)
    cursor: str | None = ""
    while cursor is not None:
        page = accounts.listing(user, filters, cursor_text=cursor, day=day, is_frozen=is_frozen)
        yield from page.rows
        report.done += len(page.rows)
        report.save(update_fields=["done", "total"])
        cursor = page.next_cursor or None


def _end(report: Report, state: Report.State, *, now: datetime, error: str = "") -> str:
    report.state, report.error, report.finished_at = state, error, now
    report.save()
    return str(state)
