"""Who may change a review, what is refused, and the record of what was done."""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from posture.models import ReviewEvent, WeeklyReview

EDIT: Final = "posture.edit_reviews"
PUBLISH: Final = "posture.publish_reviews"


class Refused(ValueError):
    """Something that cannot be; the text is a sentence for people, with the remedy."""


class Changed(Refused):
    """Somebody else has changed it since the person read it."""


class Published(Refused):
    """The review is published: only errata may be added, and actions moved or closed."""

    def __init__(self, review: WeeklyReview) -> None:
        super().__init__(
            f"The review of {review} is published and cannot be changed. Add an erratum instead."
        )


def permit(user: User, permission: str) -> None:
    """:raises PermissionDenied: when the person lacks it."""
    if not user.has_perm(permission):
        raise PermissionDenied(f"{user.get_username()} lacks {permission}")


def locked(user: User, pk: int) -> WeeklyReview:
    """The review, held against everybody else until the transaction ends.

    :raises WeeklyReview.DoesNotExist: when there is none for this person.
    """
    rows = WeeklyReview.objects.visible_to(user).defer("snapshot")
    return rows.select_for_update(of=("self",)).get(pk=pk)


def draft(user: User, pk: int) -> WeeklyReview:
    """The same for writing in it.

    :raises PermissionDenied: when the person may not write in reviews.
    :raises Published: when it is no longer a draft.
    """
    permit(user, EDIT)
    review = locked(user, pk)
    if review.state == WeeklyReview.State.PUBLISHED:
        raise Published(review)
    return review


def text_of(text: str, *, what: str, longest: int) -> str:
    """The text without blanks around it.

    :raises Refused: when it is empty, or has more than `longest` characters.
    """
    found = text.strip()
    if not found:
        raise Refused(f"{what} is empty: write something.")
    if len(found) > longest:
        raise Refused(f"{what} has {len(found)} characters: use {longest} at most.")
    return found


def record(
    review: WeeklyReview,
    what: ReviewEvent.What,
    *,
    by: User,
    now: datetime,
    **fields: Any,  # of ReviewEvent: text, action, details
) -> None:
    """`details` holds (before, after) by field."""
    ReviewEvent.objects.create(review=review, what=what, by=by.get_username(), at=now, **fields)
