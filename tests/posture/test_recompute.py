"""A stranger makes the numbers of the frozen weeks again from their files, and nothing rewrites them."""

import copy
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from findings.models import Finding
from inventory.models import Placement
from posture.models import OuDay, WeeklyReview
from posture.queries import reviews as queries
from posture.rollups import reviews as freezing
from tests import factories
from tests.fixtures.review_world import LAST, WEEKS, World
from tests.fixtures.reviews import chair, reader
from tests.posture import recompute

pytestmark = pytest.mark.django_db

HEADLINES = {"K1", "K2", "K3", "K7", "K10", "K12", "K15", "K22", "K26", "K28"}
FROZEN = ("2026-W45", "2026-W46", "2026-W47")


def monday(week):
    return datetime.combine(week.next.starts_on, time(6), tzinfo=UTC)


def freeze(week):
    return freezing.freeze(factories.organization(), week.year, week.week, now=monday(week))


@pytest.fixture(scope="module")
def lived(django_db_setup, django_db_blocker):
    """Lived and frozen once, for all tests here, each of which is rolled back to this."""
    with django_db_blocker.unblock(), transaction.atomic():
        found = World()
        found.live()
        for week in (LAST.previous.previous, LAST.previous, LAST):
            freeze(week)
        yield found
        transaction.set_rollback(True)


@pytest.fixture
def world(lived, db):
    return copy.deepcopy(lived)


def exported(user, week):
    page = queries.review(user, week, day=monday(LAST).date())
    return "".join(queries.export_csv(user, page))


def lines_of(week):
    return recompute.read(exported(factories.security_engineer(), week))


def shown(week):
    return WeeklyReview.objects.get(iso_week=int(week[-2:])).snapshot


@pytest.mark.parametrize("week", FROZEN)
def test_the_ten_headlines_and_their_statuses_can_be_recomputed(world, week):
    lines = lines_of(week)
    made_of = recompute.sums(lines)
    facts = {line["name"]: line["text"] for line in lines["review"]}
    assert {line["kpi"] for line in lines["headline"]} == HEADLINES
    by_id = {entry["kpi"]: entry for entry in shown(week)["kpis"]}
    known = set()
    for card in lines["headline"]:
        entry = by_id[card["kpi"]]
        amounts = made_of.get((card["kpi"], "", card["day"]))
        value = recompute.value(card, amounts)
        assert value == recompute.number(entry["value"] or ""), card["kpi"]
        parts = [part for part in lines["part"] if part["kpi"] == card["kpi"]]
        weeks = [line for line in lines["week"] if line["kpi"] == card["kpi"]]
        found = recompute.status_of(card, parts, made_of, facts, weeks)
        assert found == entry["status"], card["kpi"]
        for part in parts:
            own = made_of.get((part["kpi"], part["part"], card["day"]))
            assert recompute.value(part, own) == recompute.number(part["value"]), part
        if value is not None:
            known.add(card["kpi"])
    # It has no invariants.
    assert known >= {"K1", "K2", "K3", "K10", "K12", "K15", "K22", "K28"}


@pytest.mark.parametrize("week", FROZEN)
def test_the_change_against_last_week_can_be_recomputed(world, week):
    lines = lines_of(week)
    made_of = recompute.sums(lines)
    before = {entry["kpi"]: entry["previous_day"] for entry in shown(week)["kpis"]}
    compared = 0
    for card in lines["headline"]:
        if not card["delta"]:
            continue
        now = recompute.value(card, made_of.get((card["kpi"], "", card["day"])))
        then = recompute.value(card, made_of.get((card["kpi"], "", before[card["kpi"]])))
        assert now - then == Decimal(card["delta"]), card["kpi"]
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("week", FROZEN)
def test_the_limits_and_signals_of_the_control_charts_can_be_recomputed(world, week):
    lines = lines_of(week)
    charted = 0
    for card in lines["headline"]:
        earlier, last = (
            [recompute.number(line["value"]) for line in lines[kind] if line["kpi"] == card["kpi"]]
            for kind in ("earlier", "week")
        )
        found = recompute.limits([*earlier, *last])
        told = [recompute.number(card[name]) for name in ("mean", "low", "high")]
        assert told == ([recompute.rounded(one, 4) for one in found] if found else [None] * 3)
        places = {
            place
            for place, line in enumerate(
                line for line in lines["week"] if line["kpi"] == card["kpi"]
            )
            if line["text"] == "signal"
        }
        wanted = recompute.signals([*earlier, *last])
        assert places == {n - len(earlier) for n in wanted if n >= len(earlier)}, card["kpi"]
        charted += found is not None
    assert charted >= 6


@pytest.mark.parametrize("week", FROZEN)
def test_the_split_of_the_change_can_be_recomputed_from_the_cells_that_moved(world, week):
    lines = lines_of(week)
    told = {line["part"]: Decimal(line["value"]) for line in lines["change"]}
    assert recompute.split(lines) == told
    assert told["total"] == sum(
        told[part] for part in ("exits", "posture", "entries", "exceptions")
    )
    change = shown(week)["change"]
    assert {part: Decimal(change[part]) for part in told} == told


def test_each_kind_of_change_has_happened(world):
    """Else the tests above would prove little."""
    moved = {week: shown(week)["change"] for week in FROZEN}
    assert Decimal(moved["2026-W45"]["entries"])
    assert Decimal(moved["2026-W45"]["exceptions"])
    assert Decimal(moved["2026-W46"]["exits"])
    assert Decimal(moved["2026-W46"]["entries"])
    assert Decimal(moved["2026-W47"]["exits"])
    assert Decimal(moved["2026-W47"]["exceptions"])
    assert all(Decimal(change["posture"]) for change in moved.values())
    notes = [note["text"] for week in FROZEN for note in shown(week)["notes"]]
    assert any("released, shown and not yet scored: GuardDuty.1" in text for text in notes)
    assert any("scored from now on: GuardDuty.1" in text for text in notes)


def test_the_parts_of_the_file_agree_with_the_rollups(world):
    lines = lines_of("2026-W47")
    row = OuDay.objects.get(ou=factories.root(), area="", day=LAST.ends_on)
    amounts = recompute.sums(lines)["K1", "", LAST.ends_on.isoformat()]
    assert amounts["numerator"] == row.managed_n
    assert amounts["denominator"] == row.managed_d
    # What only the delegated administrator reports is of no account.
    assert [line["part"] for line in lines["rest"] if line["kpi"] == "K1"][:1] == [""]


@pytest.mark.parametrize("week", FROZEN)
def test_what_is_told_twice_is_told_the_same(world, week):
    found = shown(week)
    by_id = {entry["kpi"]: entry for entry in found["kpis"]}
    assert by_id["K1"]["value"] == found["score"]["managed"] == found["change"]["after_score"]
    assert by_id["K1"]["coverage"] == found["score"]["coverage"] == found["coverage"]
    assert by_id["K1"]["details"]["grades"] == found["grades"]
    assert by_id["K1"]["details"]["letter"] == found["score"]["letter"]
    assert sum(found["grades"].values()) == found["ous"][0]["accounts"]
    assert by_id["K28"]["value"] == str(found["flow"][-1]["net"])
    assert found["ous"][0]["score"] == found["score"]["managed"]


def test_a_reader_without_the_accounts_gets_the_sums_and_is_told_so(world):
    user = reader()
    lines = recompute.read(exported(user, "2026-W47"))
    assert lines["account"] == lines["cell"] == []
    assert len(lines["hidden"]) == 1
    card = next(line for line in lines["headline"] if line["kpi"] == "K1")
    made_of = recompute.sums(lines)
    assert str(recompute.value(card, made_of["K1", "", card["day"]])) == card["value"]


def frozen_files():
    user = factories.security_engineer()
    return {
        week: (
            WeeklyReview.objects.values_list("snapshot", "snapshot_hash").get(
                iso_week=int(week[-2:])
            ),
            exported(user, week),
        )
        for week in FROZEN
    }


def move_an_account(world):
    account = world.accounts[0]
    Placement.objects.filter(account=account, until=None).update(until=LAST.next.starts_on)
    Placement.objects.create(account=account, ou=world.ous[1], since=LAST.next.starts_on)
    world.move(account, world.ous[1])


def add_a_control(world):
    world.release("EC2.19", WEEKS - 2)
    # Scored at once.
    type(world.controls[-1]).objects.filter(pk=world.controls[-1].pk).update(scored_from=None)


def grant_an_exception(world):
    Finding.objects.filter(account=world.accounts[4]).update(is_excepted=True)
    world.except_some(world.accounts[4], "S3.2")


def end_an_exception(world):
    Finding.objects.update(is_excepted=False)
    world.end_exceptions(world.accounts[0], "S3.5")


@pytest.mark.parametrize(
    "change", [move_an_account, add_a_control, grant_an_exception, end_an_exception]
)
def test_nothing_that_happens_later_changes_a_frozen_or_published_week(world, change):
    user = chair()
    row = WeeklyReview.objects.get(iso_week=46)
    row.state, row.published_by, row.published_at = "PUBLISHED", user.username, monday(LAST)
    row.save(update_fields=["state", "published_by", "published_at"])
    before = frozen_files()
    change(world)
    world.roll_up(LAST.ends_on + timedelta(days=1))
    world.week(WEEKS)
    newest = freeze(LAST.next)
    assert frozen_files() == before
    # It does show in the week in which it happened.
    assert newest.snapshot["change"]["before"] == LAST.ends_on.isoformat()
    assert newest.snapshot["score"] != shown("2026-W47")["score"]
