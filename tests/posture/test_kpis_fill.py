"""How KPIs are filled: once and again, for good, back over the past, and around a failure."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from findings.models import DirtyCell, Finding
from inventory.models import Placement
from posture import rollups, tasks
from posture.models import KpiAccountPoint, KpiFill, KpiPoint, RollupState
from posture.rollups import kpis
from posture.rollups.kpis import Row, making
from posture.rollups.kpis.functions import k09
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures import kpis as made

pytestmark = pytest.mark.django_db

A_DAY = timedelta(days=1)
TOMORROW = DAY + A_DAY


@pytest.fixture
def account():
    """Four resources in transit, one of them failing: K17 is 75.0."""
    account = factories.account(ou=factories.ou(name="Production"), name="Shop")
    control = factories.control(control_id="S3.5", severity="MEDIUM", area="DATA_PROTECTION")
    made.checked(account, control, passed=3, failed=1, updated_at=NOW)
    rollups.roll_up(now=NOW)
    return account


def mend(*, now):
    """What failed passes, and everything has just been checked."""
    Finding.objects.update(status="PASSED", opened_at=None, due_at=None, updated_at=now)
    for row in Finding.objects.values("account_id", "control_id").distinct():
        DirtyCell.objects.create(**row)
    rollups.roll_up(now=now)


def stored():
    return list(KpiAccountPoint.objects.order_by("pk").values_list()) + list(
        KpiPoint.objects.order_by("ou", "kpi", "part", "day").values_list(
            "ou", "kpi", "part", "day", "numerator", "denominator", "covered", "expected"
        )
    )


class TestFilling:
    def test_filling_again_changes_nothing(self, account):
        first = kpis.fill_day(DAY, now=NOW)
        before = stored()
        assert kpis.fill_day(DAY, now=NOW + timedelta(hours=1)) == first
        assert stored() == before
        assert KpiFill.objects.count() == 30

    def test_a_day_is_brought_up_to_date_until_it_is_over(self, account):
        kpis.fill("K17", DAY, now=NOW)
        mend(now=NOW + timedelta(hours=2))
        assert kpis.fill("K17", DAY, now=NOW + timedelta(hours=2)) == 1
        assert made.shown("K17", factories.root()) == "100.0"

    def test_the_same_rows_have_the_same_hash(self, account):
        kpis.fill("K17", DAY, now=NOW)
        first = KpiFill.objects.get(kpi="K17")
        kpis.fill("K17", DAY, now=NOW + timedelta(hours=1))
        again = KpiFill.objects.get(kpi="K17")
        assert (again.pk, again.inputs_hash) == (first.pk, first.inputs_hash)
        assert again.filled_at > first.filled_at
        mend(now=NOW + timedelta(hours=2))
        kpis.fill("K17", DAY, now=NOW + timedelta(hours=2))
        assert KpiFill.objects.get(kpi="K17").inputs_hash != first.inputs_hash

    def test_every_ou_up_to_the_root_has_the_sum(self, account):
        other = factories.account(name="Till")
        made.checked(other, Finding.objects.first().control, passed=1, failed=1, updated_at=NOW)
        rollups.roll_up(now=NOW)
        kpis.fill("K17", DAY, now=NOW)
        assert made.of_ous("K17") == {
            "Production": ("1.5", "2", "2", "2"),
            "Root": ("2.5", "4", "4", "4"),
        }

    def test_what_is_of_no_account_is_of_the_root_alone(self, account):
        whole = factories.control(control_id="Inspector.1", is_delegated_admin_only=True)
        made.checked(account, whole, failed=1, updated_at=NOW)
        rollups.roll_up(now=NOW)
        kpis.fill("K1", DAY, now=NOW)
        assert made.of_ous("K1") == {
            "Production": ("1.5", "2", "2", "2"),
            "Root": ("1.5", "7", "7", "7"),
        }

    def test_a_failure_that_weighs_nothing_keeps_the_score_below_100(self, account):
        mend(now=NOW)
        trifle = factories.control(control_id="S3.99", severity="INFORMATIONAL")
        made.checked(account, trifle, failed=1, updated_at=NOW)
        rollups.roll_up(now=NOW)
        kpis.fill("K1", DAY, now=NOW)
        assert made.shown("K1", factories.root()) == "99.9"
        assert made.shown("K1", factories.root(), "raw") == "99.9"

    def test_a_day_that_was_not_rolled_up_is_not_filled(self, account):
        assert kpis.fill("K17", TOMORROW, now=NOW + A_DAY) == 0
        assert not kpis.fill_day(TOMORROW, now=NOW + A_DAY).rows
        assert not KpiFill.objects.exists()

    def test_a_day_that_has_not_begun_is_refused(self, account):
        with pytest.raises(ValueError, match="2026-11-21 has not begun"):
            kpis.fill("K17", TOMORROW, now=NOW)

    def test_an_account_that_left_brings_nothing_any_more(self, account):
        kpis.fill_day(DAY, now=NOW)
        account.gone_at = NOW
        account.save()
        other = factories.account()
        rollups.roll_up(now=NOW + timedelta(hours=1))
        kpis.fill_day(DAY, now=NOW + timedelta(hours=1))
        assert set(KpiAccountPoint.objects.values_list("account", flat=True)) == {other.pk}
        assert not KpiPoint.objects.filter(ou__name="Production").exists()


class TestDaysThatAreOver:
    def test_they_are_filled_once_more_and_then_never_again(self, account):
        kpis.fill_day(DAY, now=NOW)
        mend(now=NOW + timedelta(hours=11))  # after the last filling of the day
        tomorrow = NOW + A_DAY
        rollups.roll_up(now=tomorrow)
        assert tasks.kpis_after_rollup(tomorrow) == []
        assert made.shown("K17", factories.root()) == "100.0"
        assert KpiFill.objects.filter(day=DAY, is_final=True).count() == 30
        frozen = [row for row in stored() if DAY in row]
        KpiFill.objects.filter(day=TOMORROW).delete()
        Finding.objects.all().delete()
        assert kpis.fill("K17", DAY, now=tomorrow) == 0
        assert not kpis.fill_day(DAY, now=tomorrow).rows
        assert [row for row in stored() if DAY in row] == frozen

    def test_what_only_the_present_tells_stays_as_it_was_told(self, account):
        made.region(account, "eu-west-1")
        made.facts(account, {"root.access_keys": 0, "root.mfa": True})
        made.fact(account, "ec2.imds_v2_default", True, region="eu-west-1")
        made.checked(account, factories.control(control_id="EC2.8"), passed=1, updated_at=NOW)
        Finding.objects.filter(status="OPEN").update(workflow="SUPPRESSED")
        DirtyCell.objects.create(account=account, control=Finding.objects.first().control)
        rollups.roll_up(now=NOW)
        kpis.fill_day(DAY, now=NOW)
        account.facts.all().delete()
        mend(now=NOW + A_DAY)
        tasks.kpis_after_rollup(NOW + A_DAY)
        assert made.of_accounts("K10")["", "Shop"] == ("1", "1", "1", "1")
        assert made.of_accounts("K14")["defaults", "Shop"] == ("1", "1", "1", "1")
        assert made.of_accounts("K3")["suppressed", "Shop"] == ("1", "1", "1", "1")
        assert made.of_accounts("K10", day=TOMORROW)["", "Shop"] == ("0", "1", "0", "1")

    def test_a_moved_account_stays_where_it_was(self, account):
        kpis.fill_day(DAY, now=NOW)
        before = made.of_ous("K17")
        sandbox = factories.ou(name="Sandbox")
        Placement.objects.filter(account=account).update(until=TOMORROW)
        Placement.objects.create(account=account, ou=sandbox, since=TOMORROW)
        account.ou = sandbox
        account.save()
        rollups.roll_up(now=NOW + A_DAY)
        tasks.kpis_after_rollup(NOW + A_DAY)
        assert made.of_ous("K17") == before
        assert set(made.of_ous("K17", day=TOMORROW)) == {"Sandbox", "Root"}
        whole = made.of_ous("K17")["Root"]
        assert made.of_ous("K17", day=TOMORROW)["Root"] == whole

    def test_the_severity_of_the_day_counts(self, account):
        kpis.fill_day(DAY, now=NOW)
        control = Finding.objects.first().control
        control.severity = "CRITICAL"
        control.save()
        rollups.roll_up(now=NOW + A_DAY)
        tasks.kpis_after_rollup(NOW + A_DAY)
        assert made.of_ous("K17")["Root"] == ("1.5", "2", "2", "2")
        assert made.of_ous("K17", day=TOMORROW)["Root"] == ("7.5", "10", "10", "10")


class TestFillingBack:
    @pytest.fixture
    def days(self, account):
        """Three days: 75 %, then mended, then today."""
        mend(now=NOW + A_DAY)
        rollups.roll_up(now=NOW + 2 * A_DAY)
        return NOW + 2 * A_DAY

    def test_from_the_first_day_of_the_scores(self, days):
        reach = kpis.fill_back("K17", now=days)
        assert (reach.since, reach.days) == (DAY, 2)
        assert "2026-11-20" in reach.why
        root = factories.root()
        assert made.shown("K17", root) == "75.0"
        assert made.shown("K17", root, day=TOMORROW) == "100.0"
        rows = KpiFill.objects.filter(kpi="K17").values_list("source", "is_final")
        assert set(rows) == {("BACKFILL", True)}

    def test_again_there_is_nothing_left_to_do(self, days):
        kpis.fill_back("K17", now=days)
        assert kpis.fill_back("K17", now=days).days == 0

    def test_it_is_what_was_filled_on_the_day(self, account, days):
        kpis.fill_back("K1", now=days)
        assert made.of_ous("K1")["Root"] == ("1.5", "2", "2", "2")
        point = KpiPoint.objects.get(kpi="K1", part="", day=DAY, ou=factories.root())
        assert point.details["letter"] == "C"

    def test_facts_have_no_past(self, days):
        reach = kpis.fill_back("K10", now=days)
        assert (reach.since, reach.days) == (None, 0)
        assert "as they are now" in reach.why
        assert not KpiPoint.objects.exists()

    def test_nothing_was_ever_rolled_up(self):
        factories.organization()
        assert kpis.fill_back("K17", now=NOW) == kpis.Reach(
            None, 0, "no day before today has been rolled up"
        )


class TestFailures:
    @pytest.fixture
    def broken(self, monkeypatch):
        """The SQL of K17 has a mistake."""
        sql = making._sql
        monkeypatch.setattr(
            making, "_sql", lambda name: "SELECT nonsense" if name == "k17.sql" else sql(name)
        )
        return monkeypatch

    def test_one_is_named_and_the_others_go_on(self, account, broken):
        filled = kpis.fill_day(DAY, now=NOW)
        assert list(filled.failed) == ["K17"]
        assert "nonsense" in filled.failed["K17"]
        assert len(filled.rows) == 29
        assert 'column "nonsense" does not exist' in KpiFill.objects.get(kpi="K17").error
        assert made.of_ous("K1")

    def test_what_was_filled_before_stays_and_the_error_goes_when_it_is_mended(
        self, account, monkeypatch
    ):
        kpis.fill("K17", DAY, now=NOW)
        before = made.of_ous("K17")
        with monkeypatch.context() as broken:
            broken.setattr(making, "_sql", lambda name: "SELECT nonsense")
            with pytest.raises(kpis.FillFailed, match=r"K17 for 2026-11-20: .*nonsense"):
                kpis.fill("K17", DAY, now=NOW)
        assert made.of_ous("K17") == before
        assert KpiFill.objects.get(kpi="K17").error
        kpis.fill("K17", DAY, now=NOW)
        assert KpiFill.objects.get(kpi="K17").error == ""

    def test_what_fails_is_tried_again_for_two_weeks(self, account, monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr(making, "_sql", lambda name: "SELECT nonsense")
            kpis.fill_day(DAY, now=NOW)
            assert list(kpis.finalise(now=NOW + 14 * A_DAY)) == [DAY]
        assert "nonsense" in KpiFill.objects.get(kpi="K17").error
        assert not kpis.finalise(now=NOW + 15 * A_DAY)
        assert kpis.fill_back("K17", now=NOW + 15 * A_DAY).days == 1
        assert KpiFill.objects.get(kpi="K17").is_final

    def test_a_part_that_the_card_does_not_know_is_refused(self, account, monkeypatch):
        monkeypatch.setattr(k09, "k09", lambda *_, **__: [Row(account.pk, "holes", 1, 1, 1, 1)])
        with pytest.raises(kpis.FillFailed, match=r"'holes'; add it to K9 in kpis\.yaml"):
            kpis.fill("K9", DAY, now=NOW)

    def test_details_that_fail_leave_the_numbers(self, account, monkeypatch):
        def fails(*_, **__):
            raise RuntimeError("no letters today")

        monkeypatch.setattr(making, "details_of", lambda card: fails if card.id == "K1" else None)
        filled = kpis.fill_day(DAY, now=NOW)
        assert filled.failed == {"K1": "details: RuntimeError: no letters today"}
        assert made.of_ous("K1")["Root"] == ("1.5", "2", "2", "2")


class TestTaskAndCommand:
    def test_the_task_fills_today(self, account):
        with time_machine.travel(NOW, tick=False):
            assert tasks.fill_kpis() == []
        assert KpiFill.objects.filter(day=DAY).count() == 30

    def test_the_task_waits_while_the_past_is_collected(self, account):
        RollupState.objects.create(name="history", day=DAY, as_of=NOW)
        with time_machine.travel(NOW, tick=False):
            tasks.fill_kpis()
        assert not KpiFill.objects.exists()

    def run(self, *words):
        out = StringIO()
        with time_machine.travel(NOW + A_DAY, tick=False):
            call_command("fill_kpis", *words, stdout=out, stderr=out)
        return out.getvalue()

    def test_one_kpi_for_one_day(self, account):
        assert self.run("--kpi", "K17", "--day", "2026-11-20") == "2026-11-20: 1 KPIs, 1 rows\n"
        assert set(KpiFill.objects.values_list("kpi", "day")) == {("K17", DAY)}

    def test_back_says_how_far_and_why_not_further(self, account):
        rollups.roll_up(now=NOW + A_DAY)
        said = self.run("--back")
        assert "K17: 1 days filled; scores, and where accounts stood, are known from" in said
        assert "K10: not filled; account facts are kept as they are now" in said

    def test_a_failure_ends_with_its_name(self, account, monkeypatch):
        monkeypatch.setattr(making, "_sql", lambda name: "SELECT nonsense")
        with pytest.raises(CommandError, match=r"Failed: K17\. The lines above say why"):
            self.run("--kpi", "K17", "--day", "2026-11-20")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--kpi", "K31"], "There is no KPI K31. Name one of K1 to K30."),
            (["--day", "2026-11-22"], "2026-11-22 has not begun"),
        ],
    )
    def test_mistakes_are_named(self, words, message):
        with pytest.raises(CommandError, match=message):
            self.run(*words)
