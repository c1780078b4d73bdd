from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Now

from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


def _may_read(user: "AnyUser") -> bool:
    return user.has_perm("posture.read_reviews")


class WeeklyReviewQuerySet(models.QuerySet["WeeklyReview"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self if _may_read(user) else self.none()


class WeeklyReview(models.Model):
    """One page a week: the numbers frozen on Monday, and what people say and decide about them.

    `snapshot` never changes after freezing, and nothing does after publishing: the database itself
    refuses. What turns out wrong later is an Erratum.
    """

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        PUBLISHED = "PUBLISHED", "published"

    class Answer(models.TextChoices):
        BETTER = "BETTER", "Better"
        SAME = "SAME", "Same"
        WORSE = "WORSE", "Worse"
        UNKNOWN = "UNKNOWN", "Not enough data"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    iso_year = models.PositiveSmallIntegerField()
    iso_week = models.PositiveSmallIntegerField()
    starts_on = models.DateField()  # Monday
    ends_on = models.DateField()  # Sunday
    # The day whose numbers these are: the newest rolled up in the week; None: there was none.
    data_day = models.DateField(null=True)
    data_as_of = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    snapshot = models.JSONField()
    # SHA-256 of the snapshot's canonical JSON, in hexadecimal.
    snapshot_hash = models.CharField(max_length=64)
    proposed_answer = models.CharField(max_length=8, choices=Answer.choices)
    proposed_headline = models.TextField()
    # What the chair made of the proposal.
    answer = models.CharField(max_length=8, choices=Answer.choices)
    headline = models.TextField()
    narrative = models.TextField(blank=True)
    frozen_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=150, blank=True)

    objects = models.Manager.from_queryset(WeeklyReviewQuerySet)()

    class Meta:
        permissions = [
            ("read_reviews", "Can read the weekly reviews"),
            ("edit_reviews", "Can write in the weekly reviews"),
            ("publish_reviews", "Can publish a weekly review"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "iso_year", "iso_week"], name="posture_weeklyreview_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(state="DRAFT") | models.Q(published_at__isnull=False),
                name="posture_weeklyreview_published_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.iso_year}-W{self.iso_week:02}"


class _OfReviewQuerySet(models.QuerySet["ReviewNote"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self if _may_read(user) else self.none()


class ReviewNote(models.Model):
    """A line of the narrative: drafted from a detected cause, or written by somebody.

    A claim about a KPI is checked against what its control chart says; a disagreement is printed.
    """

    class Claim(models.TextChoices):
        NONE = "", "no claim"
        IMPROVING = "IMPROVING", "improving"
        FLAT = "FLAT", "flat"
        WORSENING = "WORSENING", "worsening"

    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="notes")
    kpi = models.CharField(max_length=4, blank=True)
    # "gate", "entry", "exit", "target", "formula", "control"; "" was written by a person.
    cause = models.CharField(max_length=16, blank=True)
    text = models.TextField()
    claim = models.CharField(max_length=10, choices=Claim.choices, blank=True)
    on_day = models.DateField(null=True)
    written_by = models.CharField(max_length=150, blank=True)  # "" was drafted by itself
    written_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(_OfReviewQuerySet)()

    def __str__(self) -> str:
        return self.text[:60]


class ReviewQuestion(models.Model):
    """A top security question: what has to be decided, and by whom."""

    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    decision_by = models.CharField(max_length=150)
    due_on = models.DateField(null=True)
    decision = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.text[:60]


class ReviewActionQuerySet(models.QuerySet["ReviewAction"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self if _may_read(user) else self.none()

    def open(self) -> Self:
        return self.filter(closed_on=None)


class ReviewAction(models.Model):
    """Something decided in a review, until it is done; unfinished, it is carried to the next week.

    `first_due_on` stays when the date is moved: an action counts as late by its first date.
    """

    class Outcome(models.TextChoices):
        OPEN = "", "open"
        DONE = "DONE", "done"
        DROPPED = "DROPPED", "dropped"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="actions")
    kpi = models.CharField(max_length=4, blank=True)
    text = models.TextField()
    owner = models.CharField(max_length=150)
    due_on = models.DateField()
    first_due_on = models.DateField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    closed_on = models.DateField(null=True)
    closing_note = models.TextField(blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(ReviewActionQuerySet)()

    def __str__(self) -> str:
        return self.text[:60]


class Erratum(models.Model):
    """What turned out wrong in a published review: added below it, never written into it."""

    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="errata")
    text = models.TextField()
    written_by = models.CharField(max_length=150)
    written_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.text[:60]


class ReviewEvent(models.Model):
    """Who changed what of a review, and when: only ever added to; the database itself refuses the rest.

    `details` holds what was before and after, by field: {"due_on": ["2026-12-01", "2026-12-08"]}.
    """

    class What(models.TextChoices):
        FROZEN = "FROZEN", "froze the week"
        ANSWERED = "ANSWERED", "changed the answer"
        NOTED = "NOTED", "added a note"
        NOTE_CHANGED = "NOTE_CHANGED", "changed a note"
        NOTE_REMOVED = "NOTE_REMOVED", "removed a note"
        ASKED = "ASKED", "added a question"
        DECIDED = "DECIDED", "answered a question"
        QUESTION_REMOVED = "QUESTION_REMOVED", "removed a question"
        ACTION_ADDED = "ACTION_ADDED", "added an action"
        ACTION_MOVED = "ACTION_MOVED", "moved the date of an action"
        ACTION_CLOSED = "ACTION_CLOSED", "closed an action"
        PUBLISHED = "PUBLISHED", "published"
        CORRECTED = "CORRECTED", "added an erratum"

    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="events")
    action = models.ForeignKey(
        ReviewAction, null=True, on_delete=models.PROTECT, related_name="events"
    )
    what = models.CharField(max_length=16, choices=What.choices)
    text = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    by = models.CharField(max_length=150, blank=True)  # "" did itself
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.what} by {self.by} at {self.at}"
