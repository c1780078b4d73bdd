"""/api/v1/accounts/: accounts and their scores, by the queries of the pages."""

from typing import Any, Final

from django.http import Http404
from rest_framework import serializers

from invariants.models import Coverage
from inventory.api import parameters
from inventory.api.fields import Amount, Moment, Pair, Shape
from inventory.api.organizations import GROUP
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, Listed, ListResource, Resource
from inventory.api.runs import ACCOUNT_ID, ScopeShape
from inventory.models import Account
from posture import forms
from posture.api.moments import moment
from posture.api.shapes import AreaShape, StandingShape, StepShape, WeekShape
from posture.queries import account_page, accounts
from posture.queries.marks import marks


class AccountShape(Shape):
    """An account and how it stands."""

    account_id = serializers.CharField()
    name = serializers.CharField()
    ou = serializers.CharField(source="ou_label", help_text="The names of its OUs from the top.")
    environment = serializers.CharField()
    team = serializers.CharField(help_text="The name of its owner; empty without one.")
    state = serializers.ChoiceField(choices=Account.State.choices)
    is_scored = serializers.BooleanField(help_text="It counts in the score of its OU.")
    standing = StandingShape()


class TagShape(Pair):
    key = serializers.CharField()
    value = serializers.CharField()


class FailingShape(Shape):
    """A control that fails in the account."""

    control_id = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.CharField()
    area = serializers.CharField()
    failed = serializers.IntegerField()
    passed = serializers.IntegerField()
    points = Amount(
        allow_null=True, help_text="What fixing it all would win; null where it is not scored."
    )
    is_provisional = serializers.BooleanField(help_text="New: shown before it is scored.")


class PlacementShape(Shape):
    ou = serializers.CharField(source="ou_label")
    since = serializers.DateField()
    until = serializers.DateField(allow_null=True, help_text="Exclusive; null is now.")


class PolicyShape(Shape):
    """A policy of AWS Organizations that reaches the account."""

    policy_id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    target = serializers.CharField()
    target_kind = serializers.CharField()
    is_aws_managed = serializers.BooleanField()
    since = Moment()
    applies = serializers.BooleanField(
        help_text="False where AWS exempts the account: SCPs and RCPs in the management account."
    )


class AccountInvariantShape(Shape):
    """An invariant, and how it stands in the account."""

    key = serializers.CharField()
    statement = serializers.CharField()
    severity = serializers.CharField()
    is_mandatory = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Coverage.State.choices)
    reason = serializers.CharField(help_text="Empty for a day of the past.")
    policy = serializers.CharField(
        help_text="The policy that decides; empty where none does, and for a day of the past."
    )


class AccountDetailShape(Shape):
    """One account with its score, what fails in it, and what reaches it."""

    account_id = serializers.CharField(source="facts.account_id")
    name = serializers.CharField(source="facts.name")
    email = serializers.CharField(source="facts.email")
    arn = serializers.CharField(source="facts.arn")
    environment = serializers.CharField(source="facts.environment")
    team = serializers.CharField(source="facts.team")
    state = serializers.ChoiceField(choices=Account.State.choices, source="facts.state")
    is_live = serializers.BooleanField(
        source="facts.is_live", help_text="AWS Organizations still lists it."
    )
    is_scored = serializers.BooleanField(source="facts.is_scored")
    is_management = serializers.BooleanField(source="facts.is_management")
    criticality = serializers.IntegerField(
        source="facts.criticality", help_text="How much it weighs in its OU."
    )
    joined_at = Moment(source="facts.joined_at", allow_null=True)
    tags = TagShape(source="facts.tags", many=True)
    way = StepShape(many=True, help_text="Its OUs from the top, as far as they are yours.")
    standing = StandingShape()
    weeks = WeekShape(source="trend", many=True, help_text="13 weeks of its score, oldest first.")
    areas = AreaShape(many=True)
    controls = FailingShape(many=True, help_text="What fails, most points first.")
    placements = PlacementShape(many=True, help_text="Where it was, newest first.")
    policies = PolicyShape(many=True, help_text="Now: empty for a day of the past.")
    invariants = AccountInvariantShape(
        source="invariants.rows", many=True, help_text="Those in force, the worst state first."
    )
    gaps = ScopeShape(many=True, help_text="What could not be read in full, now.")


_EXAMPLE: Final = {
    "next": None,
    "previous": None,
    "total": 1,
    "results": [
        {
            "account_id": "111122223333",
            "name": "payments-prod",
            "ou": "Workloads / Production",
            "environment": "production",
            "team": "Payments",
            "state": "ACTIVE",
            "is_scored": True,
            "standing": {
                "score": "87.4",
                "raw": "86.9",
                "coverage": "99.1",
                "exception_load": "0.6",
                "letter": "B",
                "uncapped": "B",
                "reason": "B",
                "delta": "1.2",
                "as_of": "2026-11-20",
                "figures": {
                    "failed": 61,
                    "open_critical": 0,
                    "open_high": 7,
                    "open_medium": 31,
                    "open_low": 23,
                    "overdue_critical": 0,
                    "overdue_high": 1,
                    "accounts": 1,
                    "accounts_evaluated": 1,
                    "accounts_total": 1,
                },
            },
        }
    ],
}


class AccountList(ListResource):
    """Accounts that you see, with their scores.

    With `as_of`, as they were at the end of that day, in the OU and with the owner of that day.
    """

    operation = "list_accounts"
    group = GROUP
    shape = AccountShape
    beside = {"total": serializers.IntegerField(help_text="Accounts within the filters.")}
    example = _EXAMPLE
    parameters = (
        Parameter("q", "Part of the name or of the id.", most=100),
        Parameter(
            "ou",
            "In this OU or below it.",
            pattern=parameters.OU_PATTERN,
            most=68,
            example="ou-ab12-11111111",
        ),
        Parameter(
            "team",
            "Of this team, by its slug.",
            pattern=r"[-a-zA-Z0-9_]+",
            most=80,
            example="payments",
        ),
        Parameter("environment", "Of this environment.", most=40, example="production"),
        Parameter(
            "sort",
            "In which order: " + "; ".join(f"{a}: {b.lower()}" for a, b in forms.SORTS) + ".",
            choices=tuple(name for name, _ in forms.SORTS),
            default="score",
        ),
        parameters.AS_OF,
        *parameters.PAGED,
    )

    def marks(self, asked: Asked) -> tuple[Any, ...]:
        return marks()

    def answer(self, asked: Asked, **names: str) -> Listed:
        when = moment(asked)
        form = forms.AccountFilterForm(asked.request.query_params, user=asked.user)
        filters, _ = form.read()
        # The page's cursor is another thing, and has been looked at.
        form.errors.pop("cursor", None)
        parameters.refuse(form)
        page = accounts.listing(
            asked.user,
            filters,
            cursor_text=asked.cursor,
            day=when.day,
            is_frozen=when.is_frozen,
            size=asked.size,
        )
        total = accounts.total(asked.user, filters, day=when.day, is_frozen=when.is_frozen)
        return Listed(page, {"total": total})


class AccountDetail(Resource):
    """One account: its score, what fails in it, and what reaches it."""

    operation = "read_account"
    group = GROUP
    shape = AccountDetailShape
    parameters = (parameters.AS_OF,)
    address = (
        Parameter("account_id", "12 digits.", pattern=ACCOUNT_ID, most=12, example="111122223333"),
    )

    def answer(self, asked: Asked, **names: str) -> Any:
        when = moment(asked)
        page = account_page.account_page(
            asked.user, names["account_id"], day=when.day, is_frozen=when.is_frozen
        )
        if page is None:
            raise Http404
        return page
