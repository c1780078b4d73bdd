"""What the people of the demo have set going: who gets the weekly review, its newest mail, two reports.

All of it through the actions and tasks of a click; a worker makes and sends it. Once there is a
recipient, or a report of that person, nothing is added: what a visitor takes away stays away.
"""

from datetime import date
from typing import Final

from django.contrib.auth.models import User
from django.db.models import F

from inventory.models import Organization, OrganizationalUnit
from posture import tasks
from posture.actions import mail, reports
from posture.models import OuDay, Recipient, Report, WeeklyReview

# Name, address, and whether they get the PDF.
_RECIPIENTS: Final = (
    ("Edward Lang", "edward.lang@halden.example", True),
    ("Marta Ruiz", "marta.ruiz@halden.example", True),
    ("Cloud security", "cloud-security@halden.example", False),
)


def name_recipients(organization: Organization, lead: User) -> int:
    """Say who gets the review, unless somebody has said so before; returns how many are new."""
    if Recipient.objects.filter(organization=organization).exists():
        return 0
    for name, email, gets_pdf in _RECIPIENTS:
        mail.add_recipient(lead, organization, email=email, name=name, gets_pdf=gets_pdf)
    return len(_RECIPIENTS)


def mail_newest(organization: Organization, lead: User) -> int:
    """Have the newest published review mailed, as publishing does; returns 1 where it was not yet.

    In the demo the older ones were read in their weeks: one mail shows what a mail is.
    """
    published = WeeklyReview.objects.filter(
        organization=organization, state=WeeklyReview.State.PUBLISHED
    )
    review = published.order_by("-starts_on").first()
    recipients = Recipient.objects.filter(organization=organization, is_active=True)
    if review is None or review.deliveries.exists() or not recipients.exists():
        return 0
    tasks.mail_review.delay_on_commit(  # type: ignore[attr-defined]
        review_id=review.pk, by=lead.get_username()
    )
    return 1


def ask_for_reports(organization: Organization, people: list[tuple[User, str]]) -> int:
    """Ask for the scorecard of the OU that does worst, as PDF or CSV; returns how many were asked for.

    :param people: who asks, and for which kind of file
    """
    newest = _worst_ou(organization)
    if newest is None:
        return 0
    ou, day = newest
    waiting = [pair for pair in people if not Report.objects.filter(requested_by=pair[0]).exists()]
    for user, kind in waiting:
        report = reports.ask_for_report(user, ou, day=day, kind=kind)
        tasks.make_report.delay_on_commit(report_id=report.pk)  # type: ignore[attr-defined]
    return len(waiting)


def _worst_ou(organization: Organization) -> tuple[OrganizationalUnit, date] | None:
    """The OU of the lowest score, and the newest day of scores; None before the first."""
    rows = OuDay.objects.filter(ou__organization=organization, area="", ou__parent__isnull=False)
    newest = rows.order_by("-day").first()
    if newest is None:
        return None
    of_day = rows.filter(day=newest.day, managed_d__gt=0).select_related("ou")
    worst = of_day.order_by(F("managed_n") / F("managed_d"), "ou__ou_id").first()
    return (worst.ou, worst.day) if worst else None
