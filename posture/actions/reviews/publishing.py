"""Publishing: after it the database itself refuses every change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from posture.actions import webhooks
from posture.actions.reviews import refusals
from posture.actions.reviews.refusals import Published, Refused
from posture.models import Erratum, ReviewEvent, WeeklyReview
from posture.policies.webhooks import REVIEW_ERRATUM, REVIEW_PUBLISHED
from posture.queries import reviews as queries
from posture.queries.reviews import Block

_TEXT: Final = 2_000
_What = ReviewEvent.What


class CannotPublish(Refused):
    """Something is missing; `reasons` name each item and its remedy."""

    def __init__(self, reasons: Sequence[Block]) -> None:
        super().__init__(" ".join(block.reason for block in reasons))
        self.reasons = tuple(reasons)


@transaction.atomic
def publish(user: User, review: WeeklyReview, *, now: datetime) -> WeeklyReview:
    """Publish a draft for good. Of two people who do so at once, the second is told.

    :raises CannotPublish: when an owner, an action or the headline is missing.
    :raises Published: when somebody was first.
    """
    refusals.permit(user, refusals.PUBLISH)
    row = refusals.locked(user, review.pk)
    if row.state == WeeklyReview.State.PUBLISHED:
        raise Published(row)
    blocks = queries.blocks(queries.page_of(row, day=now.date()))
    if blocks:
        raise CannotPublish(blocks)
    # Recorded first: the row takes nothing after it.
    refusals.record(row, _What.PUBLISHED, by=user, now=now, text=row.headline)
    row.state = WeeklyReview.State.PUBLISHED
    row.published_at, row.published_by = now, user.get_username()
    row.save(update_fields=["state", "published_at", "published_by"])
    told = {"review": row.pk}
    webhooks.announce(REVIEW_PUBLISHED, told, organization=row.organization, now=now)
    return row


@transaction.atomic
def add_erratum(user: User, review: WeeklyReview, *, text: str, now: datetime) -> Erratum:
    """What turned out wrong in a published review, added below it.

    :raises Refused: when the review is a draft, which can be changed, or the text is empty.
    """
    refusals.permit(user, refusals.PUBLISH)
    row = refusals.locked(user, review.pk)
    if row.state != WeeklyReview.State.PUBLISHED:
        raise Refused(f"The review of {row} is a draft: change it, it needs no erratum.")
    erratum = Erratum.objects.create(
        review=row,
        text=refusals.text_of(text, what="The erratum", longest=_TEXT),
        written_by=user.get_username(),
        written_at=now,
    )
    refusals.record(row, _What.CORRECTED, by=user, now=now, text=erratum.text)
    told = {"review": row.pk, "erratum": erratum.pk}
    webhooks.announce(REVIEW_ERRATUM, told, organization=row.organization, now=now)
    return erratum
