"""Totals and facets say what counting the findings themselves gives, whatever has happened."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from findings.models import Age, Area, Exposure, Finding, Severity, Sla, Status
from findings.queries import counts, search
from findings.queries import filters as narrowing
from findings.queries.counts import FACETS, cube
from findings.queries.filters import DIMENSIONS, NONE, Filters
from inventory import access
from inventory.models import Account, OrganizationalUnit
from tests import factories
from tests.factories import NOW
from tests.findings.test_rollups import counts as kept_counts
from tests.findings.test_rollups import mark, roll_up

pytestmark = pytest.mark.django_db

REGIONS = ("eu-west-1", "us-east-1", "")
PRODUCTS = ("securityhub", "guardduty")
TYPES = ("AwsS3Bucket", "AwsIamUser", "")
ENVIRONMENTS = ("production", "staging", "")
WORKFLOWS = ("NEW", "NOTIFIED", "SUPPRESSED")
FIELDS = {kind.name: kind.field for kind in FACETS}
DAYS = (1, 6.9, 7, 7.1, 29, 30, 31, 89, 90, 200)


def make_world():
    """A tree of OUs, accounts with and without teams, controls in areas and in none."""
    workloads = factories.ou(name="Workloads")
    leaves = [
        factories.ou(parent=workloads, name="Production"),
        factories.ou(parent=workloads, name="Staging"),
        factories.ou(name="Sandbox"),
        factories.root(),
    ]
    teams = [factories.team(slug="payments"), factories.team(slug="cards"), None]
    accounts = [
        factories.account(ou=ou, team=teams[n % 3], environment=ENVIRONMENTS[n % 3])
        for n, ou in enumerate(leaves)
    ]
    controls = [
        factories.control(control_id=f"K.{n}", area=area)
        for n, area in enumerate(("IDENTITY", "MONITORING", ""))
    ]
    return {
        "ous": [workloads, *leaves],
        "teams": teams,
        "accounts": accounts,
        "controls": controls,
        "engineer": factories.security_engineer(),
        "member": factories.team_member(team=teams[0]),
        "reader": factories.ou_reader(ou=workloads),
        "stranger": factories.stranger(),
    }


def look(user):
    """The user as of a new request: what they see is kept on the user object."""
    return type(user).objects.get(pk=user.pk)


def clock(status, opened_days, due_days):
    is_open = status == "OPEN"
    return {
        "status": status,
        "opened_at": NOW - timedelta(days=opened_days) if is_open else None,
        "due_at": NOW + timedelta(days=due_days) if is_open and due_days is not None else None,
    }


clocks = st.builds(
    clock,
    st.sampled_from(["OPEN", "OPEN", "OPEN", *Status.values]),
    st.sampled_from(DAYS),
    st.sampled_from([None, -3, 0, 3, 6.9, 7, 30]),
)
kinds = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(Severity.values[:3]),
        "workflow": st.sampled_from(WORKFLOWS),
        "region": st.sampled_from(REGIONS),
        "product": st.sampled_from(PRODUCTS),
        "resource_type": st.sampled_from(TYPES),
        "is_public": st.sampled_from([True, False, None]),
        "is_excepted": st.booleans(),
    }
)
few = st.integers(0, 7)
changes = st.one_of(
    st.tuples(st.just("add"), few, few, kinds, clocks),
    st.tuples(st.just("state"), few, clocks),
    st.tuples(st.just("kind"), few, kinds),
    st.tuples(st.just("delete"), few),
    st.tuples(st.just("move"), few, few),
    st.tuples(st.just("team"), few, few),
    st.tuples(st.just("move_ou"), few),
    st.tuples(st.just("remap"), few, st.sampled_from(["IDENTITY", "CULTURE", ""])),
    st.tuples(st.just("go"), few),
    st.tuples(st.just("time"), st.sampled_from([0.2, 3, 20])),
)


class World:
    """Makes changes as the rest of the product does: cells are marked, places are not."""

    def __init__(self):
        self.now = NOW
        vars(self).update(make_world())

    def change(self, name, *values):
        getattr(self, name)(*values)

    def _finding(self, number):
        found = list(Finding.objects.order_by("pk"))
        return found[number % len(found)] if found else None

    def add(self, account, control, kind, state):
        account = self.accounts[account % len(self.accounts)]
        control = self.controls[control % len(self.controls)]
        mark(factories.finding(account=account, control=control, **kind, **state))

    def state(self, number, state):
        self.kind(number, state)

    def kind(self, number, values):
        if found := self._finding(number):
            Finding.objects.filter(pk=found.pk).update(**values)
            mark(found)

    def delete(self, number):
        if found := self._finding(number):
            mark(found)
            found.delete()

    def move(self, number, ou):
        account = self.accounts[number % len(self.accounts)]
        Account.objects.filter(pk=account.pk).update(ou=self.ous[ou % len(self.ous)])

    def team(self, number, team):
        account = self.accounts[number % len(self.accounts)]
        environment = ENVIRONMENTS[team % 3]
        new = {"team": self.teams[team % 3], "environment": environment}
        Account.objects.filter(pk=account.pk).update(**new)

    def move_ou(self, number):
        """Production goes under Sandbox, or back."""
        parent = self.ous[3] if number % 2 else self.ous[0]
        unit = OrganizationalUnit.objects.get(pk=self.ous[1].pk)
        unit.parent, unit.path = parent, f"{parent.path}{unit.ou_id}/"
        unit.save()

    def remap(self, number, area):
        control = self.controls[number % len(self.controls)]
        type(control).objects.filter(pk=control.pk).update(area=area)

    def go(self, number):
        account = Account.objects.get(pk=self.accounts[number % len(self.accounts)].pk)
        account.gone_at = None if account.gone_at else NOW
        account.save()

    def time(self, days):
        self.now += timedelta(days=days)


VALUES = {
    "severities": Severity.values[:3],
    "workflows": WORKFLOWS,
    "areas": ["IDENTITY", "MONITORING", "CULTURE", NONE],
    "controls": ["K.0", "K.1", "unknown"],
    "products": [*PRODUCTS, "unknown"],
    "environments": ["production", "staging", NONE],
    "teams": ["payments", "cards", NONE],
    "regions": ["eu-west-1", "us-east-1", NONE],
    "resource_types": ["AwsS3Bucket", NONE],
    "ages": Age.values,
    "slas": Sla.values,
    "exposures": Exposure.values,
    "excepted": ["yes", "no"],
}


@st.composite
def chosen_filters(draw):
    """Up to four dimensions; accounts and OUs by their number in the world."""
    names = draw(
        st.lists(st.sampled_from([*VALUES, "accounts", "ou_path"]), max_size=4, unique=True)
    )
    chosen = {}
    for name in names:
        values = st.sampled_from(VALUES.get(name, range(5)))
        chosen[name] = tuple(draw(st.lists(values, min_size=1, max_size=2, unique=True)))
    chosen["statuses"] = draw(st.sampled_from([("OPEN",), ("OPEN",), (), ("OPEN", "PASSED")]))
    return chosen


def filters_of(world, chosen, q=""):
    values = dict(chosen)
    if "accounts" in values:
        numbers = [n % len(world.accounts) for n in values["accounts"]]
        values["accounts"] = tuple(world.accounts[n].account_id for n in numbers)
    if "ou_path" in values:
        ou = world.ous[values["ou_path"][0] % len(world.ous)]
        values["ou_path"] = OrganizationalUnit.objects.get(pk=ou.pk).path
    return Filters(**values, q=q)


def narrowed(user, filters, *, but=()):
    as_of = narrowing.counted_at(NOW)
    rows = narrowing.narrow(Finding.objects.visible_to(user), filters, as_of=as_of, but=but)
    return search.narrow(rows, filters.q)


def assert_counted(user, filters, *, now):
    """Every number that is shown is what the findings themselves come to."""
    summary = counts.summary(user, filters, now=now)
    total = narrowed(user, filters).count()
    assert (summary.total.findings, summary.total.is_exact) == (total, True)
    assert counts.total(user, filters, now=now) == summary.total
    for facet in summary.facets:
        shown = {choice.value: choice.findings for choice in facet.choices}
        if facet.is_lazy:
            facet = counts.facet(user, filters, facet.name, now=now)
            opened = {choice.value: choice.findings for choice in facet.choices}
            assert shown.items() <= opened.items(), facet.name
            shown = opened
        assert_facet(user, filters, facet.name, shown)


def assert_facet(user, filters, name, shown):
    """Each value counts what the filter that choosing it would set leaves of all others."""
    field = FIELDS[name]
    within = narrowed(user, filters, but=(field,))
    as_of = narrowing.counted_at(NOW)
    paths = dict(OrganizationalUnit.objects.values_list("ou_id", "path")) if name == "ou" else {}
    chosen = {value: paths[value] if paths else (value,) for value in shown if value}
    conditions = {
        f"is_{number}": narrowing._condition(field, DIMENSIONS[field], values, as_of)
        for number, values in enumerate(chosen.values())
    }
    found = within.aggregate(
        every=Count("pk"), **{key: Count("pk", filter=q) for key, q in conditions.items()}
    )
    expected = {value: found[f"is_{number}"] for number, value in enumerate(chosen)}
    assert {value: n for value, n in shown.items() if value} == expected, name
    if name != "ou":
        assert sum(shown.values()) == found["every"], name


# Each example rolls up several times in a real database: a few of them say much.
several = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@several
@given(
    findings=st.lists(st.tuples(few, few, kinds, clocks), min_size=3, max_size=14),
    steps=st.lists(st.lists(changes, min_size=1, max_size=5), min_size=1, max_size=3),
    chosen=st.lists(chosen_filters(), min_size=3, max_size=4),
)
def test_numbers_are_those_of_the_findings_after_any_changes(db, findings, steps, chosen):
    with transaction.atomic():
        world = World()
        for finding in findings:
            world.add(*finding)
        roll_up(world.now)
        for step in steps:
            for change in step:
                world.change(*change)
            roll_up(world.now, limit=3)
        kept = kept_counts()
        for number, choice in enumerate(chosen):
            users = (world.engineer, world.member, world.reader, world.engineer)
            user = look(users[number % len(users)])
            assert_counted(user, filters_of(world, choice), now=world.now)
        factories.count_findings(now=world.now)
        assert kept_counts() == kept
        transaction.set_rollback(True)


@pytest.fixture
def world(db):
    """Some findings of every kind, counted."""
    world = World()
    for n in range(40):
        state = clock(Status.values[n % 5 % 4], DAYS[n % len(DAYS)], (None, -1, 3, 30)[n % 4])
        kind = {
            "severity": Severity.values[n % 3],
            "workflow": WORKFLOWS[n % 3],
            "region": REGIONS[n // 3 % 3],
            "product": PRODUCTS[n // 2 % 2],
            "resource_type": TYPES[n // 4 % 3],
            "is_public": (True, False, None)[n // 5 % 3],
            "is_excepted": n % 7 == 0,
        }
        factories.finding(
            account=world.accounts[n % 4],
            control=world.controls[n // 4 % 3],
            title=f"Bucket number {n}",
            **kind,
            **state,
        )
    factories.count_findings()
    return world


FILTER_SETS = [
    {},
    {"severities": ("CRITICAL",)},
    {"accounts": (0, 1)},
    {"accounts": (1,), "regions": (NONE,)},
    {"controls": ("K.0",), "teams": (NONE,)},
    {"ou_path": (0,), "severities": ("CRITICAL", "HIGH")},
    {"ou_path": (4,)},
    {"ages": ("OLDER", "WEEK"), "slas": ("OVERDUE",)},
    {"severities": ("HIGH",), "exposures": ("PUBLIC",), "environments": ("production",)},
    {"severities": ("HIGH",), "exposures": ("PUBLIC",), "excepted": ("no",), "slas": ("SOON",)},
    {"statuses": (), "workflows": ("NEW",), "products": ("unknown",)},
]


@pytest.mark.parametrize("user", ["engineer", "member", "reader", "stranger"])
def test_total_and_facets_are_those_of_the_findings(world, user):
    for chosen in FILTER_SETS[:2] if user == "stranger" else FILTER_SETS:
        assert_counted(getattr(world, user), filters_of(world, chosen), now=NOW)


def test_sums_and_rows_give_the_same(world, monkeypatch):
    asked = [
        (person, filters_of(world, chosen))
        for person in (world.engineer, world.member, world.reader)
        for chosen in FILTER_SETS[:5]
    ]
    by_sums = [counts.summary(person, filters, now=NOW) for person, filters in asked]
    monkeypatch.setattr(counts.sums, "tally", lambda *_: None)
    assert [counts.summary(person, filters, now=NOW) for person, filters in asked] == by_sums


def test_who_sees_another_account_since_it_was_counted_is_told_of_no_other(world):
    """An account has left the team, and another came: no rollup has been since."""
    mine = Account.objects.filter(team__slug="payments")
    Account.objects.filter(pk=world.accounts[1].pk).update(team=world.teams[0])
    mine.exclude(pk=world.accounts[1].pk).update(team=None)
    total = counts.summary(world.member, Filters(), now=NOW).total.findings
    assert total == narrowed(world.member, Filters()).count() > 0


def test_an_ou_is_the_sum_of_what_is_directly_below_it(world):
    found = {f.name: f for f in counts.summary(world.engineer, Filters(), now=NOW).facets}
    below = {choice.label: choice.findings for choice in found["ou"].choices}
    assert below["Workloads"] == below["Production"] + below["Staging"]
    assert [choice.label for choice in found["ou"].choices] == [
        "All",
        "Sandbox",
        "Workloads",
        "Production",
        "Staging",
    ]


def test_rows_and_counts_agree_on_the_bounds_of_ages_and_due_dates(world):
    """The filter of the list, the rollup, and the count of a search: three ways to say it."""
    second = timedelta(seconds=1)
    for days in (0, 7, 30, 90):
        for at in (timedelta(days=days) + shift for shift in (-second, timedelta(), second)):
            state = {"opened_at": NOW - max(at, second), "due_at": NOW + at}
            account, control = world.accounts[0], world.controls[0]
            factories.finding(account=account, control=control, title="Unmistakable", **state)
    factories.count_findings()
    index_words()
    for filters in (Filters(), Filters(q="unmistakable")):
        for facet in counts.summary(world.engineer, filters, now=NOW).facets:
            if facet.name in ("age", "sla"):
                shown = {choice.value: choice.findings for choice in facet.choices}
                assert len(shown) >= 4
                assert_facet(world.engineer, filters, facet.name, shown)


def index_words():
    """What the rollup does for the search."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO findings_findingtext (finding_id, words, tokens, source_hash)"
            f" SELECT id, {search.words_sql('title')}, '{{}}', 0 FROM findings_finding"
            " ON CONFLICT DO NOTHING",
            dict(search.CUTTING),
        )


def test_within_a_search_facets_are_counted_from_what_was_found(world):
    index_words()
    for chosen in (FILTER_SETS[0], FILTER_SETS[9]):
        assert_counted(world.engineer, filters_of(world, chosen, q="bucket"), now=NOW)
        assert_counted(world.member, filters_of(world, chosen, q="number 3"), now=NOW)


def test_too_many_found_are_counted_so_far_and_facets_not_at_all(world, monkeypatch):
    index_words()
    monkeypatch.setattr(counts.found, "COUNTED", 4)
    found = counts.summary(world.engineer, Filters(q="bucket"), now=NOW)
    assert found.total == counts.Total(4, is_exact=False)
    assert {choice.findings for facet in found.facets for choice in facet.choices} == {None}
    assert {choice.label for choice in found.facets[0].choices} == set(Severity.labels)
    narrow = Filters(q="bucket", severities=("CRITICAL",), regions=("eu-west-1",), teams=("cards",))
    found = counts.summary(world.engineer, narrow, now=NOW)
    assert found.total == counts.Total(narrowed(world.engineer, narrow).count())


def test_an_opened_facet_has_the_most_frequent_values_those_chosen_and_says_how_many_more(db):
    accounts = [factories.account(name=f"Web {n}") for n in range(30)]
    control = factories.control()
    for n, account in enumerate(accounts):
        for _ in range(1 + (n > 26)):
            factories.finding(account=account, control=control)
    factories.count_findings()
    engineer = factories.security_engineer()
    rare = accounts[29 - 5].account_id
    filters = Filters(accounts=(rare, accounts[0].account_id))
    facet = counts.facet(engineer, filters, "account", now=NOW)
    assert (len(facet.choices), facet.more, facet.is_lazy) == (27, 3, True)
    assert [choice.findings for choice in facet.choices[:4]] == [2, 2, 2, 1]
    assert {c.value for c in facet.choices if c.is_on} == {rare, accounts[0].account_id}
    found = counts.facet(engineer, Filters(), "account", now=NOW, contains="wEb 1")
    assert {choice.label for choice in found.choices} == {
        "Web 1",
        *(f"Web {n}" for n in range(10, 20)),
    }
    by_id = counts.facet(engineer, Filters(), "account", now=NOW, contains=accounts[3].account_id)
    assert [choice.label for choice in by_id.choices] == ["Web 3"]
    closed = counts.summary(engineer, filters, now=NOW).facets
    account = next(facet for facet in closed if facet.name == "account")
    assert [choice.findings for choice in account.choices] == [1, 1]
    with pytest.raises(KeyError):
        counts.facet(engineer, Filters(), "colour", now=NOW)


def test_values_have_names_for_people(world):
    found = {f.name: f for f in counts.summary(world.engineer, Filters(), now=NOW).facets}
    labels = {name: {c.value: c.label for c in facet.choices} for name, facet in found.items()}
    assert labels["product"] == {"securityhub": "Security Hub", "guardduty": "GuardDuty"}
    assert labels["team"] == {"payments": "payments", "cards": "cards", NONE: "none"}
    assert labels["region"][NONE] == "none"
    assert labels["area"][NONE] == "No area yet"
    assert labels["area"]["CULTURE"] == Area.CULTURE.label
    control = counts.facet(world.engineer, Filters(), "control", now=NOW).choices[0]
    assert control.label.startswith(f"{control.value} S3 buckets")


def test_no_name_of_a_foreign_account_is_told(world):
    foreign = world.accounts[1].account_id
    for facet in counts.summary(world.member, Filters(accounts=(foreign,)), now=NOW).facets:
        if facet.name == "account":
            assert [(c.label, c.findings) for c in facet.choices] == [(foreign, 0)]
    opened = counts.facet(world.member, Filters(), "account", now=NOW)
    assert {choice.value for choice in opened.choices} <= set(
        Account.objects.visible_to(world.member).values_list("account_id", flat=True)
    )


def test_every_dimension_of_the_filters_has_a_facet():
    assert set(FIELDS.values()) == set(DIMENSIONS)


def test_a_first_page_is_counted_in_five_queries(world, django_assert_num_queries):
    engineer = look(world.engineer)
    access.scope_of(engineer)
    for filters in (Filters(), Filters(severities=("HIGH",), ou_path=world.ous[0].path)):
        with django_assert_num_queries(5):
            counts.summary(engineer, filters, now=NOW)
    member = look(world.member)
    access.scope_of(member)
    with django_assert_num_queries(9):
        counts.summary(member, Filters(), now=NOW)


def test_a_first_page_reads_no_more_rows_with_more_findings(world):
    """The numbers come from sums: none of the statements names the findings or the rows below."""
    with CaptureQueriesContext(connection) as queries:
        counts.summary(world.engineer, Filters(severities=("HIGH",), ages=("WEEK",)), now=NOW)
    assert not any(
        table in query["sql"]
        for query in queries
        for table in ("findings_finding ", "findings_findingcount", '"findings_finding"')
    )
    assert cube.FOUND.count("findings_finding ") == 1  # what the search would have read


def test_counters_add_up_over_ous():
    assert cube._climbed(Counter({"r-1/a/b/": 2, "r-1/a/": 1, "r-1/": 5})) == {
        "r-1/a/": 3,
        "r-1/a/b/": 2,
    }
