"""/api/v1/reviews/: the weekly reviews, by the queries of the pages."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from inventory.api import parameters
from inventory.api.fields import Amount, Shape
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, ListResource, Resource
from inventory.web import Page
from posture.models import WeeklyReview
from posture.policies import roles
from posture.queries import reviews

GROUP: Final = "Reviews"
WEEK: Final = r"[0-9]{4}-W[0-9]{2}"
_STATES: Final = WeeklyReview.State.choices
_ANSWERS: Final = WeeklyReview.Answer.choices


class MayReadReviews(IsAuthenticated):
    """Signed in, with the right to read reviews, drafts among them, as on the pages."""

    message = "Weekly reviews are for people with the right “Read weekly reviews”."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm(roles.READ_REVIEWS)


class MomentText(serializers.CharField):
    """A time as the file of the review has it."""

    def to_representation(self, value: Any) -> str:
        return value if isinstance(value, str) else str(value.isoformat())


class ReviewShape(Shape):
    """The review of one week."""

    week = serializers.CharField(help_text="The ISO week, such as 2026-W47.")
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    data_day = serializers.DateField(allow_null=True, help_text="The day of its numbers.")
    state = serializers.ChoiceField(choices=_STATES)
    answer = serializers.ChoiceField(
        choices=_ANSWERS, help_text="Was the week better, the same or worse?"
    )
    headline = serializers.CharField()
    score = Amount(allow_null=True)
    letter = serializers.CharField()
    delta = Amount(allow_null=True)
    off_target = serializers.IntegerField(help_text="Of the ten headline KPIs.")
    no_data = serializers.IntegerField(help_text="Of the ten headline KPIs.")
    published_at = MomentText(allow_null=True)
    published_by = serializers.CharField()


class ReviewNoteShape(Shape):
    """A line of the narrative, with its claim checked against the control chart."""

    cause = serializers.CharField()
    kpi = serializers.CharField()
    text = serializers.CharField()
    claim = serializers.CharField()
    check = serializers.CharField(allow_null=True)
    on_day = serializers.CharField(allow_null=True)
    written_by = serializers.CharField(help_text="Empty: drafted from a detected cause.")


class QuestionShape(Shape):
    text = serializers.CharField()
    decision_by = serializers.CharField()
    due_on = serializers.CharField(allow_null=True)
    decision = serializers.CharField()


class ActionShape(Shape):
    """Something decided in a review."""

    week = serializers.CharField()
    kpi = serializers.CharField()
    text = serializers.CharField()
    owner = serializers.CharField()
    due_on = serializers.CharField()
    first_due_on = serializers.CharField(help_text="By which it counts as late.")
    moves = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_null=True)),
        help_text="Moved due dates: before, after, by whom.",
    )
    state = serializers.CharField(help_text="open, late, done, done_late or dropped.")
    closed_on = serializers.CharField(allow_null=True)


class ErratumShape(Shape):
    text = serializers.CharField()
    written_by = serializers.CharField()
    written_at = serializers.CharField()


class ReviewDetailShape(Shape):
    """The review of one week: what people wrote, and its frozen numbers."""

    week = serializers.CharField()
    state = serializers.ChoiceField(choices=_STATES)
    snapshot_sha256 = serializers.CharField(help_text="Of the canonical JSON of `snapshot`.")
    frozen_at = serializers.CharField()
    published_at = serializers.CharField(allow_null=True)
    published_by = serializers.CharField()
    answer = serializers.ChoiceField(choices=_ANSWERS)
    proposed_answer = serializers.ChoiceField(choices=_ANSWERS)
    answer_check = serializers.CharField()
    headline = serializers.CharField()
    proposed_headline = serializers.CharField()
    narrative = serializers.CharField()
    notes = ReviewNoteShape(many=True)
    questions = QuestionShape(many=True)
    actions = ActionShape(many=True, help_text="Of this review.")
    carried_actions = ActionShape(many=True, help_text="Of earlier ones.")
    errata = ErratumShape(many=True)
    snapshot = serializers.DictField(help_text="The frozen numbers, as docs/review.md has them.")


class ReviewList(ListResource):
    """Weekly reviews, the newest first; drafts are among them."""

    operation = "list_reviews"
    group = GROUP
    permission_classes = (MayReadReviews,)
    shape = ReviewShape
    parameters = (
        Parameter("state", "Only those in this state.", choices=tuple(WeeklyReview.State.values)),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return reviews.reviews(
            asked.user, cursor_text=asked.cursor, size=asked.size, state=asked["state"] or ""
        )


class ReviewDetail(Resource):
    """One week: what people wrote, and under `snapshot` its frozen numbers."""

    operation = "read_review"
    group = GROUP
    permission_classes = (MayReadReviews,)
    shape = ReviewDetailShape
    address = (Parameter("week", "An ISO week.", pattern=WEEK, most=8, example="2026-W47"),)

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        page = reviews.review(asked.user, names["week"], day=asked.today)
        if page is None:
            raise NotFound("There is no review of that week. /api/v1/reviews/ lists them.")
        return reviews.export_json(page)
