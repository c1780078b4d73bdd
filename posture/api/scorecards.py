"""/api/v1/scorecards/: the scorecards of OUs, by the queries of the pages."""

from typing import Any

from rest_framework import serializers

from inventory.api import parameters
from inventory.api.fields import Amount, Pair, Shape
from inventory.api.organizations import OU_ADDRESS
from inventory.api.resources import Asked, ListResource, Resource
from inventory.models import OrganizationalUnit
from inventory.web import Page
from posture.api.moments import moment
from posture.api.shapes import (
    AreaShape,
    LetterShape,
    LimitsShape,
    StandingShape,
    StepShape,
    WeekShape,
)
from posture.queries import organization, scorecard
from posture.queries.marks import marks

GROUP = "Scorecards"


class OuScoreShape(Shape):
    """An OU and how it stands."""

    ou_id = serializers.CharField()
    name = serializers.CharField()
    label = serializers.CharField(help_text="The names from the root down.")  # type: ignore[assignment]
    role = serializers.ChoiceField(choices=OrganizationalUnit.Role.choices)
    is_scored = serializers.BooleanField(help_text="False: suspended.")
    standing = StandingShape()
    areas = AreaShape(many=True)


class AreaBesideShape(AreaShape):
    """The score in one area, and what it is read against; null where that is not yours to see."""

    organization_median = Amount(source="tick", allow_null=True)
    siblings_median = Amount(source="siblings", allow_null=True)


class ReferenceShape(Shape):
    """Medians on the same day; null: there is nothing to compare with, or not yours to see."""

    organization = Amount(allow_null=True)
    siblings = Amount(allow_null=True)


class ChildShape(Shape):
    """A child OU."""

    ou_id = serializers.CharField(source="ou.ou_id")
    name = serializers.CharField(source="ou.name")
    role = serializers.CharField(source="ou.role")
    standing = StandingShape(source="ou.standing")
    letters = LetterShape(many=True, help_text="Its scored accounts by letter.")


class ChangePartShape(Shape):
    part = serializers.CharField()
    points = Amount()
    cells = serializers.IntegerField()


class ChangeShape(Shape):
    """Why the score moved between the ends of two days; the parts sum to the whole."""

    since = serializers.DateField()
    until = serializers.DateField()
    total = Amount()
    parts = ChangePartShape(many=True)


class BandShape(Pair):
    label = serializers.CharField()  # type: ignore[assignment]
    findings = serializers.IntegerField()


class DeadlineShape(Shape):
    """How one severity keeps its due dates. null is "not measured"."""

    severity = serializers.CharField()
    open = serializers.IntegerField()
    overdue = serializers.IntegerField()
    attainment = Amount(allow_null=True, help_text="Closed in time, in percent.")
    target = Amount(allow_null=True)
    status = serializers.CharField()
    due_14 = serializers.IntegerField(allow_null=True, help_text="Due within 14 days.")
    bands = BandShape(many=True, help_text="The overdue ones by how late they are.")


class FailingControlShape(Shape):
    """A control that fails."""

    control_id = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.CharField()
    area = serializers.CharField()
    failed = serializers.IntegerField()
    accounts_failing = serializers.IntegerField()
    accounts = serializers.IntegerField()
    overdue = serializers.IntegerField(
        allow_null=True, help_text="null for a day of the past, of which it is not kept."
    )
    points = Amount(allow_null=True, help_text="What fixing it all would win.")
    scored_from = serializers.DateField(allow_null=True)
    fix_url = serializers.CharField()


class FailingControlsShape(Shape):
    """What to fix next."""

    lost = Amount(allow_null=True, help_text="Points that all failing controls cost together.")
    top = FailingControlShape(many=True, help_text="Most lost weight first.")
    provisional = FailingControlShape(many=True, help_text="New: shown before they are scored.")
    of_all = FailingControlShape(many=True, help_text="About the whole organisation: in the root.")


class NeedShape(Shape):
    """An account, and the points that its failures cost the OU."""

    account_id = serializers.CharField(source="account.account_id")
    name = serializers.CharField(source="account.name")
    score = Amount(source="account.standing.score", allow_null=True)
    letter = serializers.CharField(source="account.standing.letter")
    points = Amount(allow_null=True)


class ExceptionsShape(Shape):
    """null: not kept for a day that is over."""

    load = Amount(allow_null=True, help_text="Of the score, in percent.")
    suppressed = serializers.IntegerField(
        allow_null=True, help_text="Open findings that somebody set to SUPPRESSED in Security Hub."
    )
    disabled = serializers.IntegerField(allow_null=True, help_text="Controls switched off.")


class AwsShape(Shape):
    """Security Hub's own score of the same accounts, now."""

    score = serializers.IntegerField(allow_null=True)
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()


class PeopleShape(Shape):
    """Whose accounts are below the OU."""

    active = serializers.IntegerField()
    onboarding = serializers.IntegerField()
    excluded = serializers.IntegerField()
    teams = serializers.IntegerField()
    unowned = serializers.IntegerField()


class ScorecardShape(Shape):
    """The scorecard of one OU."""

    ou_id = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=OrganizationalUnit.Role.choices)
    is_root = serializers.BooleanField()
    is_scored = serializers.BooleanField()
    is_frozen = serializers.BooleanField(help_text="As it was at the end of a day that is over.")
    formula_version = serializers.IntegerField()
    way = StepShape(many=True)
    standing = StandingShape()
    weeks = WeekShape(source="trend", many=True, help_text="13 weeks of its score, oldest first.")
    limits = LimitsShape(source="xmr", allow_null=True, help_text="null before there are enough.")
    areas = AreaBesideShape(many=True)
    reference = ReferenceShape()
    letters = LetterShape(many=True, help_text="Its scored accounts by letter.")
    children = ChildShape(many=True)
    change = ChangeShape(allow_null=True, help_text="Of the last week; null where it is unknown.")
    deadlines = DeadlineShape(many=True)
    failing = FailingControlsShape()
    needs = NeedShape(many=True, help_text="Accounts that cost the OU most.")
    lowest = NeedShape(many=True, help_text="Accounts with the lowest scores.")
    exceptions = ExceptionsShape()
    aws = AwsShape(allow_null=True, help_text="null for a day that is over.")
    people = PeopleShape(allow_null=True)


class ScorecardList(ListResource):
    """OUs of which you see every account, with their scores, in the order of the tree.

    With `as_of`, those of that day as they were at its end.
    """

    operation = "list_scorecards"
    group = GROUP
    shape = OuScoreShape
    parameters = (parameters.AS_OF, *parameters.PAGED)

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return marks()

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        when = moment(asked)
        return organization.scorecards_page(
            asked.user,
            day=when.day,
            is_frozen=when.is_frozen,
            cursor_text=asked.cursor,
            size=asked.size,
        )


class ScorecardDetail(Resource):
    """The scorecard of one OU: its areas, why it moved, and what costs it most.

    With `as_of`, as it was at the end of that day, with the OUs and accounts of that day.
    """

    operation = "read_scorecard"
    group = GROUP
    shape = ScorecardShape
    parameters = (parameters.AS_OF,)
    address = (OU_ADDRESS,)

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return marks()

    def answer(self, asked: Asked, **names: str) -> Any:
        when = moment(asked)
        card = scorecard.scorecard(
            asked.user, names["ou_id"], day=when.day, is_frozen=when.is_frozen
        )
        if card is None:
            raise parameters.no_such_ou(names["ou_id"])
        return card
