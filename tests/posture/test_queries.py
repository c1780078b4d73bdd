"""Scores, weeks and who sees them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from posture.queries import account_page, accounts, organization, ou_days, scorecard, shell
from posture.queries.accounts import AccountFilters
from tests import factories
from tests.factories import DAY, NOW

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def engineer(db):
    return factories.security_engineer()


def history_of(ou):
    return ou_days.of_ous([ou.pk], day=DAY)[ou.pk].history


def test_a_week_shows_its_newest_day_and_a_week_without_one_is_a_gap(engineer):
    ou = factories.ou()
    for age, score in [(0, 80), (1, 79), (6, 75), (7, 70), (13, 65), (21, 60), (90, 40), (91, 1)]:
        factories.ou_day(ou=ou, day=DAY - timedelta(days=age), score=score)
    found = history_of(ou)
    assert len(found.weeks) == 13
    assert found.scores[-4:] == (60, None, 70, 80)
    assert found.scores[0] == 40
    assert [label for label, _ in found.weeks][-2:] == ["W46", "W47"]


def test_the_change_is_the_shown_score_minus_the_one_of_a_week_ago(engineer):
    ou = factories.ou()
    factories.ou_day(ou=ou, day=DAY - timedelta(days=9), score=70.04)
    factories.ou_day(ou=ou, day=DAY - timedelta(days=2), score=72.26)
    (row,) = [row for row in organization.scorecards(engineer, day=DAY) if row.ou_id == ou.ou_id]
    assert (row.standing.score, row.standing.delta) == (Decimal("72.3"), Decimal("2.3"))
    assert row.standing.as_of == DAY - timedelta(days=2)


def test_figures_that_are_all_old_are_shown_without_a_change(engineer):
    ou = factories.ou()
    for age in (10, 17):
        factories.ou_day(ou=ou, day=DAY - timedelta(days=age), score=70)
    (row,) = [row for row in organization.scorecards(engineer, day=DAY) if row.ou_id == ou.ou_id]
    assert (row.standing.score, row.standing.delta) == (70, None)
    assert row.scores[-1] is None


def test_what_could_not_be_read_makes_a_score_not_rated(engineer):
    ou = factories.ou()
    factories.ou_day(ou=ou, score=97, coverage=79)
    card = scorecard.scorecard(engineer, ou.ou_id, day=DAY)
    assert card.standing.letter == "NR"
    assert card.standing.reason == "NR (score says A; coverage 79.0% is below 80%)"


def test_a_late_critical_caps_the_letter_and_says_so(engineer):
    ou = factories.ou()
    factories.ou_day(
        ou=ou, score=97, accounts=10, accounts_evaluated=10, accounts_overdue_critical=1
    )
    card = scorecard.scorecard(engineer, ou.ou_id, day=DAY)
    assert card.standing.reason == "C (score says A; overdue CRITICAL in 1 of 10 accounts)"


def test_the_areas_that_moved_the_score_sum_to_its_change(engineer):
    root = factories.root()
    parts = {"IDENTITY": (60, 300, 70, 320), "MONITORING": (90, 500, 85, 480)}
    for day, place in ((DAY - WEEK, 0), (DAY, 2)):
        scores = {area: part[place : place + 2] for area, part in parts.items()}
        for area, (score, weight) in scores.items():
            factories.ou_day(ou=root, day=day, area=area, score=score, weight=weight)
        # 100 more are of controls without an area.
        whole = sum(weight for _, weight in scores.values()) + 100
        won = sum(score * weight for score, weight in scores.values()) + (50 + 10 * place) * 100
        factories.ou_day(ou=root, day=day, score=won / whole, weight=whole)
    found = organization.overview(engineer, day=DAY)
    now, before = found.standing.figures.sums, ou_days.of_ous([root.pk], day=DAY)
    before = before[root.pk].history.before.sums
    change = 100 * (now.managed_n / now.managed_d - before.managed_n / before.managed_d)
    assert abs(sum(mover.points for mover in found.movers) - change) < Decimal("1e-9")
    assert {mover.label for mover in found.movers} == {
        "Identity and access",
        "Monitoring and alerting",
        "Controls in no area",
    }


def test_the_overview_of_the_whole_organisation_is_the_row_of_the_root(engineer):
    root, child = factories.root(), factories.ou()
    factories.ou_day(ou=root, score=72, accounts_total=9, open_critical=4)
    factories.ou_day(ou=child, score=50)
    found = organization.overview(engineer, day=DAY)
    assert found.is_whole
    assert (found.standing.score, found.measures.critical.value) == (72, 4)
    assert [row.ou_id for row in found.ous] == [child.ou_id]


def test_a_team_member_sees_the_sum_of_their_accounts_and_no_foreign_name():
    team = factories.team()
    ou = factories.ou(name="Secret project")
    factories.ou_day(ou=factories.root(), score=10)
    factories.ou_day(ou=ou, score=10)
    for score in (60, 80):
        account = factories.account(ou=ou, team=team)
        factories.account_day(account=account, score=score, open_critical=2)
        factories.account_day(account=account, score=score, area="IDENTITY")
    factories.account_day(account=factories.account(ou=ou), score=0, open_critical=50)
    member = factories.team_member(team=team)
    found = organization.overview(member, day=DAY)
    assert not found.is_whole
    assert (found.standing.score, found.measures.critical.value) == (70, 4)
    assert found.measures.accounts.value == 2
    assert found.ous == ()
    assert len(found.own_accounts) == 2
    assert organization.scorecards(member, day=DAY) == ()
    assert scorecard.scorecard(member, ou.ou_id, day=DAY) is None


def test_a_suspended_account_counts_in_the_findings_of_a_team_but_not_in_its_score():
    team = factories.team()
    factories.account_day(account=factories.account(team=team), score=80, open_high=1)
    gone = factories.account(team=team, state="SUSPENDED")
    factories.account_day(account=gone, score=0, open_high=2, is_scored=False)
    found = organization.overview(factories.team_member(team=team), day=DAY)
    assert (found.standing.score, found.measures.high.value) == (80, 3)
    assert found.standing.figures.accounts == 1


def test_a_person_with_one_ou_sees_it_and_what_is_below_and_nothing_beside():
    production = factories.ou(name="Production")
    payments = factories.ou(parent=production, name="Payments")
    sandbox = factories.ou(name="Sandbox")
    for ou in (factories.root(), production, payments, sandbox):
        factories.ou_day(ou=ou, score=66, area="IDENTITY")
        factories.ou_day(ou=ou, score=66)
    reader = factories.ou_reader(ou=production)
    assert [row.name for row in organization.scorecards(reader, day=DAY)] == [
        "Production",
        "Payments",
    ]
    assert scorecard.scorecard(reader, sandbox.ou_id, day=DAY) is None
    card = scorecard.scorecard(reader, payments.ou_id, day=DAY)
    # The organisation's own score would tell them about OUs that they do not see.
    assert {area.tick for area in card.areas} == {None}
    whole = scorecard.scorecard(factories.security_engineer(), payments.ou_id, day=DAY)
    assert {area.tick for area in whole.areas if area.code == "IDENTITY"} == {66}


def test_the_tree_puts_children_below_their_parent_and_counts_the_indent(engineer):
    workloads = factories.ou(name="Workloads")
    factories.ou(parent=workloads, name="Alpha")
    factories.ou(name="Alps")
    found = [(row.name, row.indent) for row in organization.scorecards(engineer, day=DAY)]
    assert found == [("Halden Group", 0), ("Alps", 0), ("Workloads", 0), ("Alpha", 1)]


def test_top_controls_are_ordered_by_the_points_they_would_win(engineer):
    ou = factories.ou()
    factories.ou_day(ou=ou, score=50, weight=200)
    small, large = factories.control(), factories.control()
    factories.ou_control(ou=ou, control=small, lost_weight=Decimal(2))
    factories.ou_control(ou=ou, control=large, lost_weight=Decimal(30))
    factories.ou_control(ou=ou, control=factories.control(), failed=0, lost_weight=Decimal(0))
    card = scorecard.scorecard(engineer, ou.ou_id, day=DAY)
    assert [(row.control_id, row.points) for row in card.controls] == [
        (large.control_id, Decimal("15.0")),
        (small.control_id, Decimal("1.0")),
    ]


def test_the_accounts_that_need_help_are_those_whose_failures_cost_most(engineer):
    ou = factories.ou()
    factories.ou_day(ou=ou, score=50, weight=1000)
    low_but_small = factories.account(ou=ou)
    factories.account_day(account=low_but_small, score=10, weight=10)
    large = factories.account(ou=ou)
    factories.account_day(account=large, score=70, weight=500)
    suspended = factories.account(ou=ou, state="SUSPENDED")
    factories.account_day(account=suspended, score=0, weight=900, is_scored=False)
    factories.account_day(account=factories.account(ou=ou), score=100, weight=50)
    card = scorecard.scorecard(engineer, ou.ou_id, day=DAY)
    assert [(need.account.account_id, need.points) for need in card.needs] == [
        (large.account_id, Decimal("15.0")),
        (low_but_small.account_id, Decimal("0.9")),
    ]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("score", ["low", "high", "unscored"]),
        ("help", ["high", "low", "unscored"]),
        ("critical", ["high", "low", "unscored"]),
        ("name", ["high", "low", "unscored"]),
    ],
)
def test_accounts_are_listed_in_the_order_asked_for_and_those_without_a_score_last(
    engineer, sort, names
):
    factories.account(name="unscored")
    low = factories.account(name="low")
    factories.account_day(account=low, score=10, weight=10, open_critical=1)
    high = factories.account(name="high")
    factories.account_day(account=high, score=60, weight=900, open_critical=7)
    found = accounts.listing(engineer, AccountFilters(sort=sort), cursor_text="", day=DAY)
    assert [row.name for row in found.rows] == names


@pytest.mark.parametrize("sort", ["score", "help", "critical", "name"])
def test_every_account_is_on_exactly_one_page(engineer, sort, monkeypatch):
    monkeypatch.setattr(accounts, "PAGE_SIZE", 2)
    for index, score in enumerate([None, 33.333333, 33.333333, 71, None, 12.5, 99]):
        account = factories.account(name=f"same-{index % 2}")
        factories.account_day(account=account, score=score, open_critical=index % 3)
    seen, cursor = [], ""
    for _ in range(4):
        found = accounts.listing(engineer, AccountFilters(sort=sort), cursor_text=cursor, day=DAY)
        seen += [row.account_id for row in found.rows]
        cursor = found.next_cursor
    assert len(seen) == len(set(seen)) == 7
    assert cursor == ""


def test_accounts_are_found_by_name_and_by_id_however_it_is_written(engineer):
    account = factories.account(account_id="447188201936", name="analytics-lake")
    factories.account(name="web")
    for q in ("LAKE", "447188201936", "4471 8820 1936", "8820"):
        found = accounts.listing(engineer, AccountFilters(q=q), cursor_text="", day=DAY)
        assert [row.account_id for row in found.rows] == [account.account_id], q
        assert accounts.total(engineer, AccountFilters(q=q)) == 1


def test_accounts_can_be_narrowed_by_ou_team_and_environment(engineer):
    production = factories.ou(name="Production")
    payments = factories.ou(parent=production, name="Payments")
    team = factories.team()
    wanted = factories.account(ou=payments, team=team, environment="prod")
    factories.account(ou=payments, environment="prod")
    factories.account(team=team, environment="dev")
    filters = AccountFilters(ou_path=production.path, team=team.slug, environment="prod")
    found = accounts.listing(engineer, filters, cursor_text="", day=DAY)
    assert [row.account_id for row in found.rows] == [wanted.account_id]


def test_an_account_shows_what_fails_by_the_points_it_costs(engineer):
    account = factories.account(criticality=2)
    factories.account_day(account=account, score=50, weight=40)
    critical = factories.control(severity="CRITICAL")
    low = factories.control(severity="LOW")
    shown_only = factories.control(control_id="GuardDuty.Finding", is_scored=False)
    factories.cell(account=account, control=low, passed=0, failed=5)
    factories.cell(account=account, control=critical, passed=3, failed=1)
    factories.cell(account=account, control=factories.control(), passed=3, failed=0)
    factories.cell(account=account, control=shown_only, passed=0, failed=2)
    page = account_page.account_page(engineer, account.account_id, day=DAY)
    assert [(row.control_id, row.points) for row in page.controls] == [
        (critical.control_id, Decimal("12.5")),
        (low.control_id, Decimal("5.0")),
        ("GuardDuty.Finding", None),
    ]


def test_an_account_that_a_person_may_not_see_does_not_exist():
    account = factories.account()
    factories.account_day(account=account)
    assert account_page.account_page(factories.stranger(), account.account_id, day=DAY) is None


def test_what_could_not_be_read_in_an_account_is_named(engineer):
    account = factories.account()
    done = factories.collection()
    factories.run(
        collection=done, source="ACCESS_ANALYZER", account_id=account.account_id, state="DENIED"
    )
    factories.run(collection=done, source="ORGANIZATIONS", state="DENIED")
    page = account_page.account_page(engineer, account.account_id, day=DAY)
    assert [gap.source_label for gap in page.gaps] == ["IAM Access Analyzer"]


def _grow(ous):
    for _ in range(ous):
        ou = factories.ou()
        account = factories.account(ou=ou, team=factories.team(slug="payments"))
        for age in (0, 7, 14):
            day = DAY - timedelta(days=age)
            for area in ("", "IDENTITY"):
                factories.ou_day(ou=ou, day=day, area=area)
                factories.account_day(account=account, day=day, area=area)
        factories.ou_control(ou=ou, control=factories.control())


@pytest.mark.parametrize(
    ("read", "limit"),
    [
        (lambda user, day: organization.overview(user, day=day), 9),
        (lambda user, day: organization.scorecards(user, day=day), 2),
        (lambda user, day: scorecard.scorecard(user, "r-ab12", day=day), 11),
        (lambda user, day: accounts.listing(user, AccountFilters(), cursor_text="", day=day), 3),
    ],
    ids=["overview", "scorecards", "scorecard", "accounts"],
)
@pytest.mark.parametrize("who", ["engineer", "member"])
def test_thirty_ous_take_no_more_queries_than_one(
    read, limit, who, django_assert_num_queries, django_assert_max_num_queries
):
    team = factories.team(slug="payments")
    factories.ou_day(ou=factories.root())
    _grow(1)
    user = factories.security_engineer() if who == "engineer" else factories.team_member(team=team)
    read(user, DAY)  # the person's permissions are read once
    with django_assert_max_num_queries(limit) as one:
        read(user, DAY)
    _grow(29)
    with django_assert_num_queries(len(one)):
        read(user, DAY)


def read_shell(user):
    return shell.shell(user, now=NOW, every_minutes=15, name="From the settings")


def test_before_the_first_collection_the_frame_says_the_name_of_the_settings(engineer):
    found = read_shell(engineer)
    assert (found.organization_name, found.org_id) == ("From the settings", "")
    assert (found.sync_state, found.synced_at) == ("none", None)


def test_the_frame_counts_what_the_person_sees(django_assert_num_queries):
    team = factories.team()
    ou = factories.ou()
    factories.account(ou=ou, team=team)
    factories.account(ou=ou)
    factories.collection()
    member = factories.team_member(team=team)
    read_shell(member)
    with django_assert_num_queries(2):
        found = read_shell(member)
    assert (found.organization_name, found.accounts, found.ous) == ("Halden Group", 1, 0)
    whole = read_shell(factories.security_engineer())
    assert (whole.accounts, whole.ous) == (2, 1)


@pytest.mark.parametrize(
    ("state", "minutes", "expected"),
    [
        ("COMPLETE", 14, "ok"),
        ("PARTIAL", 14, "ok"),
        ("COMPLETE", 46, "stale"),
        ("FAILED", 14, "failed"),
    ],
)
def test_the_frame_says_how_fresh_the_data_is(engineer, state, minutes, expected):
    factories.organization()
    factories.collection(state=state, finished_at=NOW - timedelta(minutes=minutes))
    assert read_shell(engineer).sync_state == expected


def test_a_failed_collection_still_says_when_the_last_good_one_was(engineer):
    factories.collection(finished_at=NOW - timedelta(minutes=30))
    factories.collection(state="FAILED", finished_at=NOW)
    found = read_shell(engineer)
    assert (found.sync_state, found.synced_at) == ("failed", NOW - timedelta(minutes=30))
