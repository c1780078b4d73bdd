"""/api/v1/kpis/: the KPIs, their points and their accounts, by the queries of the pages."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from rest_framework import serializers
from rest_framework.exceptions import NotFound

from inventory import web
from inventory.api import parameters
from inventory.api.fields import Amount, Pair, Shape
from inventory.api.parameters import Kind, Parameter
from inventory.api.resources import Asked, Listed, ListResource, Resource
from inventory.models import OrganizationalUnit
from inventory.web import Page
from posture import forms
from posture import kpis as cards
from posture.api.shapes import LimitsShape
from posture.kpis import Kpi, Status, Unit, Verdict
from posture.queries import kpi_pages, kpis
from posture.queries.kpis import KpiLine

GROUP: Final = "KPIs"
KPI_ID: Final = r"K([1-9]|[12][0-9]|30)"
_UNITS: Final = [(unit.value, unit.value) for unit in Unit]
_STATUSES: Final = [(status.value, status.value) for status in Status]
_QUARTER: Final = timedelta(days=90)
_OU: Final = Parameter(
    "ou",
    "Of this OU; by default of the uppermost of which you see every account.",
    pattern=parameters.OU_PATTERN,
    most=68,
    example="ou-ab12-11111111",
)
_DAY: Final = Parameter("day", "As of this day; today by default.", Kind.DAY, example="2026-11-20")
_ADDRESS: Final = (Parameter("kpi_id", "K1 to K30.", pattern=KPI_ID, most=3, example="K1"),)


class AmountsShape(Shape):
    """What a value is divided from: it adds up over accounts."""

    numerator = Amount()
    denominator = Amount()
    covered = Amount()
    expected = Amount()
    coverage = Amount(
        allow_null=True, help_text="Of what it should be made from, how much there was, in percent."
    )


class KpiPartShape(Shape):
    """A line beside a KPI."""

    part = serializers.CharField(source="part.id")
    name = serializers.CharField(source="part.name")
    unit = serializers.ChoiceField(choices=_UNITS, source="part.unit.value")
    value = Amount(allow_null=True)
    delta = Amount(allow_null=True)
    status = serializers.ChoiceField(choices=_STATUSES)


class WeekValueShape(Pair):
    week = serializers.CharField()
    value = Amount(allow_null=True)


class KpiShape(Shape):
    """A KPI of one OU as of a day. null is "no data", never zero."""

    kpi = serializers.CharField(source="kpi.id")
    name = serializers.CharField(source="kpi.name")
    area = serializers.CharField(source="kpi.area", help_text="Empty: about all areas.")
    is_headline = serializers.BooleanField(source="kpi.is_headline")
    unit = serializers.ChoiceField(choices=_UNITS, source="kpi.unit.value")
    is_better_higher = serializers.BooleanField(source="kpi.is_better_higher")
    owner = serializers.CharField(source="kpi.owner")
    formula_version = serializers.IntegerField(source="kpi.formula_version")
    target_version = serializers.IntegerField(source="kpi.target_version")
    target = Amount(source="kpi.target", allow_null=True)
    amber = Amount(source="kpi.amber", allow_null=True)
    target_text = serializers.CharField(source="kpi.target_text")
    value = Amount(allow_null=True)
    previous = Amount(allow_null=True, help_text="A week before, or the newest before that.")
    delta = Amount(allow_null=True)
    status = serializers.ChoiceField(choices=_STATUSES)
    verdict = serializers.ChoiceField(
        choices=[(verdict.value, verdict.value) for verdict in Verdict],
        help_text="What its control chart says.",
    )
    weeks = WeekValueShape(many=True, help_text="13 weeks, oldest first.")
    limits = LimitsShape(source="xmr", allow_null=True, help_text="null before there are enough.")
    numerator = Amount()
    denominator = Amount()
    coverage = Amount(allow_null=True)
    data_day = serializers.DateField(allow_null=True)
    parts = KpiPartShape(many=True)


class KpiDetailShape(KpiShape):
    """A KPI of one OU with its card."""

    ou = serializers.CharField()
    question = serializers.CharField(source="kpi.question")
    formula = serializers.CharField(source="kpi.formula")
    sources = serializers.ListField(child=serializers.CharField(), source="kpi.sources")
    exceptions = serializers.CharField(source="kpi.exceptions")
    missing_data = serializers.CharField(source="kpi.missing_data")
    pair = serializers.ListField(
        child=serializers.CharField(),
        source="kpi.pair",
        help_text="The KPIs that keep this one honest.",
    )


class PointShape(Shape):
    """A KPI at the end of a day."""

    day = serializers.DateField()
    value = Amount(allow_null=True)
    amounts = AmountsShape()
    parts = KpiPartShape(many=True)


class KpiAccountShape(Shape):
    """What one account brings to a KPI."""

    account_id = serializers.CharField()
    name = serializers.CharField()
    ou_id = serializers.CharField()
    ou = serializers.CharField(source="ou_label")
    environment = serializers.CharField()
    team = serializers.CharField()
    value = Amount(allow_null=True, help_text="The KPI of the account alone.")
    amounts = AmountsShape()
    parts = KpiPartShape(many=True)


def _card(kpi_id: str) -> Kpi:
    card = cards.registry().get(kpi_id)
    if card is None:
        raise NotFound("There is no such KPI. They are K1 to K30.")
    return card


def _ou(asked: Asked) -> OrganizationalUnit:
    """As the page chooses it.

    :raises NotFound: there is none that the person sees as a whole.
    """
    form = forms.KpiFilterForm(asked.request.query_params, user=asked.user, today=asked.today)
    found, _ = form.read()
    if asked["ou"] and found is None:
        raise parameters.no_such_ou(asked["ou"])
    chosen = kpi_pages.choose(asked.user, found)
    if chosen is None:
        raise NotFound(
            "You see no organisational unit as a whole, and a KPI is of one. What your accounts "
            "bring to a KPI is under /api/v1/kpis/{kpi_id}/accounts/."
        )
    return chosen


def _day(asked: Asked) -> date:
    day: date = asked["day"] or asked.today
    if day > asked.today:
        raise parameters.bad("day", f"{day} is still to come: name today or a day before it.")
    return day


def _part(lines: Sequence[KpiLine], asked: Asked) -> Page[KpiLine]:
    return web.part(
        lines,
        key=lambda line: (f"{line.kpi.number:02}",),
        cursor_text=asked.cursor,
        size=asked.size,
    )


class KpiList(ListResource):
    """All thirty KPIs of an OU."""

    operation = "list_kpis"
    group = GROUP
    shape = KpiShape
    beside = {
        "ou": serializers.CharField(help_text="The id of the OU that they are of."),
        "day": serializers.DateField(
            allow_null=True, help_text="The newest day of any of them; null before the first."
        ),
    }
    parameters = (_OU, _DAY, *parameters.PAGED)

    def answer(self, asked: Asked, **names: str) -> Listed:
        ou, day = _ou(asked), _day(asked)
        lines = kpis.lines(asked.user, ou, day=day)
        page = _part(lines, asked)
        data_day = max((line.data_day for line in lines if line.data_day), default=None)
        return Listed(page, {"ou": ou.ou_id, "day": data_day})


class KpiDetail(Resource):
    """One KPI of an OU, with the card that says what it measures."""

    operation = "read_kpi"
    group = GROUP
    shape = KpiDetailShape
    parameters = (_OU, _DAY)
    address = _ADDRESS

    def answer(self, asked: Asked, **names: str) -> dict[str, Any]:
        card, ou, day = _card(names["kpi_id"]), _ou(asked), _day(asked)
        line = kpis.line(asked.user, card.id, ou, day=day)
        if line is None:
            raise parameters.no_such_ou(ou.ou_id)
        return {name: getattr(line, name) for name in _LINE} | {"ou": ou.ou_id}


_LINE: Final = (
    *("kpi", "value", "previous", "delta", "status", "verdict", "weeks", "xmr", "numerator"),
    *("denominator", "coverage", "data_day", "parts"),
)


class PointList(ListResource):
    """The points of a KPI of an OU, day by day, oldest first.

    A day without a point is a gap: nothing is known of it.
    """

    operation = "list_kpi_points"
    group = GROUP
    shape = PointShape
    beside = {"ou": serializers.CharField(help_text="The id of the OU that they are of.")}
    parameters = (
        _OU,
        Parameter(
            "from",
            "The first day; 90 days before the last by default.",
            Kind.DAY,
            example="2026-09-01",
        ),
        Parameter("to", "The last day; today by default.", Kind.DAY, example="2026-11-20"),
        *parameters.PAGED,
    )
    address = _ADDRESS

    def answer(self, asked: Asked, **names: str) -> Listed:
        card, ou = _card(names["kpi_id"]), _ou(asked)
        until: date = asked["to"] or asked.today
        since: date = asked["from"] or max(until, date.min + _QUARTER) - _QUARTER
        if since > until:
            raise parameters.bad("from", f"{since} is after {until}: name a day before `to`.")
        page = kpis.points(
            asked.user,
            card,
            ou,
            between=(since, until),
            cursor_text=asked.cursor,
            size=asked.size,
        )
        return Listed(page, {"ou": ou.ou_id})


class KpiAccountList(ListResource):
    """The accounts that a KPI is made of, those that cost it most first.

    Of accounts that you see; without an OU of your own, of all of them.
    """

    operation = "list_kpi_accounts"
    group = GROUP
    shape = KpiAccountShape
    parameters = (_OU, _DAY, *parameters.PAGED)
    address = _ADDRESS

    def answer(self, asked: Asked, **names: str) -> Page[Any]:
        card, day = _card(names["kpi_id"]), _day(asked)
        form = forms.KpiFilterForm(asked.request.query_params, user=asked.user, today=asked.today)
        found, _ = form.read()
        if asked["ou"] and found is None:
            raise parameters.no_such_ou(asked["ou"])
        chosen = kpi_pages.choose(asked.user, found)
        return kpi_pages.account_lines(
            asked.user, card, chosen, day=day, cursor_text=asked.cursor, size=asked.size
        )
