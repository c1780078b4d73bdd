"""What was read from AWS, when, and what could not be."""

from typing import Any

from rest_framework import serializers

from inventory.api import parameters
from inventory.api.fields import Moment, Pair, Shape
from inventory.api.parameters import Parameter
from inventory.api.resources import Asked, ListResource
from inventory.models import Collection, CollectionRun
from inventory.queries import runs
from inventory.web import Page

GROUP = "Collection"
ACCOUNT_ID = r"[0-9]{12}"


class CollectionShape(Shape):
    """One pass over every source."""

    id = serializers.IntegerField(source="collection_id")
    state = serializers.ChoiceField(choices=Collection.State.choices)
    requested_by = serializers.CharField(help_text="Empty: the schedule.")
    is_full = serializers.BooleanField(help_text="Every finding was read; else those that changed.")
    started_at = Moment()
    finished_at = Moment(allow_null=True, help_text="null while it runs.")
    seconds = serializers.IntegerField(allow_null=True)
    runs = serializers.IntegerField(
        help_text="Sources in accounts and Regions; of single accounts those that you see."
    )
    problems = serializers.IntegerField(help_text="Runs that leave a hole in the data.")


class CountShape(Pair):
    name = serializers.CharField()
    count = serializers.IntegerField()


class ScopeShape(Shape):
    """The newest run of one source in one account and Region."""

    source = serializers.ChoiceField(choices=CollectionRun.Source.choices)  # type: ignore[assignment]
    account_id = serializers.CharField(help_text="Empty: of no single account.")
    account_name = serializers.CharField()
    region = serializers.CharField(help_text="Empty: of all Regions.")
    state = serializers.ChoiceField(choices=CollectionRun.State.choices)
    finished_at = Moment(allow_null=True)
    counts = CountShape(many=True, help_text="What was read.")
    error = serializers.CharField(
        help_text="Of runs of no single account: for who sees the whole organisation."
    )
    missing_permission = serializers.CharField(help_text="The IAM action that AWS refused.")
    next_step = serializers.CharField(
        help_text="What to do about it; empty where nothing is to do."
    )
    is_problem = serializers.BooleanField(help_text="It leaves a hole in the data.")


class RunList(ListResource):
    """Collections, the newest first.

    A collection is one pass over every source of AWS. What each source told in each account and Region
    is under `runs/scopes/`.
    """

    operation = "list_runs"
    group = GROUP
    shape = CollectionShape
    parameters = parameters.PAGED

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return runs.collections(asked.user, cursor_text=asked.cursor, size=asked.size)


class ScopeList(ListResource):
    """The newest run of each source in each account and Region, what leaves a hole first."""

    operation = "list_run_scopes"
    group = GROUP
    shape = ScopeShape
    parameters = (
        Parameter("source", "Of this source.", choices=tuple(CollectionRun.Source.values)),
        Parameter("state", "In this state.", choices=tuple(CollectionRun.State.values)),
        Parameter(
            "account", "About this account.", pattern=ACCOUNT_ID, most=12, example="111122223333"
        ),
        *parameters.PAGED,
    )

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        return runs.scopes_page(
            asked.user,
            source=asked["source"] or "",
            state=asked["state"] or "",
            account_id=asked["account"] or "",
            cursor_text=asked.cursor,
            size=asked.size,
        )
