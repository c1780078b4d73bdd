"""The weekly review as a mail: the answer and ten numbers, as text. Nothing of it is fetched."""

import re
from datetime import datetime
from typing import Final

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from posture.queries.review_page import ReviewView
from posture.reports.review import review_pdf

# A mail is read on phones and forwarded: names of resources stay behind the sign-in.
_RESOURCE: Final = re.compile(
    r"arn:[\w-]+:\S+|\b\d{12}\b|\b(?:i|vpc|subnet|sg|vol|snap|ami|eni|igw|rtb|acl)-[0-9a-f]{8,17}\b"
)
_LEFT_OUT: Final = "[named in the review]"


def review_mail(
    view: ReviewView, *, to: str, sender: str, address: str, with_pdf: bool, made_at: datetime
) -> EmailMultiAlternatives:
    """The mail to one person. `address` is the page of the review, behind the sign-in.

    :raises posture.reports.Unprintable: when the PDF cannot be typeset.
    """
    context = {
        "view": view,
        "headline": without_resources(view.row.headline),
        "address": address,
        "with_pdf": with_pdf,
    }
    message = EmailMultiAlternatives(
        subject=" ".join(view.subject.split()),
        body=render_to_string("posture/mail/review.txt", context),
        from_email=sender,
        to=[to],
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
    message.attach_alternative(render_to_string("posture/mail/review.html", context), "text/html")
    if with_pdf:
        name = f"cloud-security-{view.week}.pdf"
        message.attach(name, review_pdf(view, made_at=made_at), "application/pdf")
    return message


def without_resources(text: str) -> str:
    """The text with ARNs, account ids and ids of resources left out."""
    return _RESOURCE.sub(_LEFT_OUT, text)
