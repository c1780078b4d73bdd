"""K7 and K20 from the days of coverage and of policies, as of any day."""

from datetime import timedelta

from django.test import TestCase

from invariants.models import (
    CoverageDay,
    Invariant,
    InvariantMove,
    InvariantVersion,
    PolicyDay,
    Rollout,
)
from inventory.models import Account, Placement
from posture import rollups
from posture.kpis import registry
from posture.models import KpiPoint
from posture.rollups import kpis
from tests import factories
from tests.factories import DAY, NOW
from tests.fixtures import kpis as made

LONG_AGO = DAY - timedelta(days=60)


def invariant(key, **changes):
    values = {
        "organization": factories.organization(),
        "state": "ENFORCED",
        "state_since": NOW - timedelta(days=60),
        "statement": "Nobody can.",
        "why": "Because.",
        "type": "SERVICE_CONTROL_POLICY",
        "type_name": "Service control policy",
        "severity": "HIGH",
        "area": "IDENTITY",
        "owner": "platform",
        "is_mandatory": True,
    }
    return Invariant.objects.create(key=key, **(values | changes))


def covered(invariant, account, state, *, day=LONG_AGO, until=None):
    CoverageDay.objects.create(
        invariant=invariant, account=account, state=state, day=day, until=until
    )


def moved(invariant, before, after, at):
    version, _ = InvariantVersion.objects.get_or_create(
        invariant=invariant,
        number=1,
        defaults={"declared": 1, "digest": "0" * 64, "content": {}, "loaded_at": NOW},
    )
    InvariantMove.objects.create(
        invariant=invariant,
        version=version,
        before=before,
        after=after,
        at=at,
        by_name="sam",
        why="agreed",
    )


class TestInvariantCoverage(TestCase):
    """Three accounts in Production, one in Development, and the management account."""

    @classmethod
    def setUpTestData(cls):
        cls.work = factories.ou(name="Workloads")
        cls.prod = factories.ou(parent=cls.work, name="Production")
        cls.dev = factories.ou(parent=cls.work, name="Development")
        cls.one, cls.two, cls.three = (
            factories.account(ou=cls.prod, name=name) for name in ("One", "Two", "Three")
        )
        cls.lab = factories.account(ou=cls.dev, name="Lab")
        number = factories.organization().management_account_id
        cls.payer = factories.account(ou=factories.root(), name="Payer", account_id=number)
        rollups.roll_up(now=NOW)

    def fill(self, day=DAY, now=NOW):
        kpis.fill("K7", day, now=now)
        kpis.fill("K20", day, now=now)

    def root(self, part="", kpi="K7", day=DAY):
        return made.of_ous(kpi, part, day=day).get("Root")

    def v16(self):
        """Twelve pairs: eight enforced, one excepted, two missing, one out of reach."""
        states = {
            "a": ("ENFORCED", "ENFORCED", "ENFORCED", "MISSING"),
            "b": ("ENFORCED", "CARVED_OUT", "EXCEPTED", "ENFORCED"),
            "c": ("ENFORCED", "ENFORCED", "BROKEN", "NOT_APPLICABLE"),
        }
        found = {}
        for key, row in states.items():
            found[key] = invariant(key, severity="CRITICAL" if key == "b" else "HIGH")
            accounts = (self.one, self.two, self.three, self.lab)
            for account, state in zip(accounts, row, strict=True):
                covered(found[key], account, state)
        covered(found["a"], self.payer, "NOT_ENFORCEABLE")
        return found

    def test_v16_excepted_counts_and_what_cannot_be_enforced_is_left_out(self):
        self.v16()
        self.fill()
        assert self.root() == ("8", "11", "11", "11")
        assert self.root("crown") == ("3", "4", "4", "4")
        assert self.root("uncarved") == ("7", "11", "11", "11")
        assert self.root("out_of_reach") == ("1", "1", "1", "1")
        assert made.of_accounts("K7")["", "Three"] == ("1", "3", "3", "3")
        assert ("", "Payer") not in made.of_accounts("K7")
        assert made.of_ous("K7")["Development"] == ("1", "2", "2", "2")

    def test_another_program_gets_the_same_from_the_rows(self):
        self.v16()
        self.fill()
        rows = CoverageDay.objects.values_list("account__name", "state")
        good, within = {}, {}
        for name, state in rows:
            if state in ("NOT_APPLICABLE", "NOT_ENFORCEABLE"):
                continue
            within[name] = within.get(name, 0) + 1
            good[name] = good.get(name, 0) + (state in ("ENFORCED", "CARVED_OUT"))
        told = {name: row for (part, name), row in made.of_accounts("K7").items() if not part}
        assert told == {
            name: (str(good[name]), str(count), str(count), str(count))
            for name, count in within.items()
        }

    def test_unknown_is_within_and_not_covered(self):
        first = invariant("a")
        covered(first, self.one, "UNKNOWN")
        covered(first, self.two, "ENFORCED")
        self.fill()
        assert self.root() == ("1", "2", "1", "2")

    def test_only_what_is_mandatory_and_in_force_counts(self):
        for key, changes in {
            "draft": {"state": "DRAFT"},
            "staged": {"state": "STAGED"},
            "retired": {"state": "RETIRED"},
            "optional": {"is_mandatory": False},
            "gone": {"gone_at": NOW - timedelta(days=2)},
        }.items():
            covered(invariant(key, **changes), self.one, "MISSING")
        self.fill()
        assert self.root() is None
        assert not KpiPoint.objects.filter(kpi="K7").exists()

    def test_a_day_has_the_states_of_that_day(self):
        first = invariant("a")
        covered(first, self.one, "MISSING", until=DAY - timedelta(days=1))
        covered(first, self.one, "ENFORCED", day=DAY - timedelta(days=1))
        self.fill()
        assert self.root() == ("1", "1", "1", "1")
        CoverageDay.objects.filter(state="ENFORCED").update(day=DAY + timedelta(days=1))
        CoverageDay.objects.filter(state="MISSING").update(until=DAY + timedelta(days=1))
        self.fill()
        assert self.root() == ("0", "1", "1", "1")

    def test_an_invariant_counts_from_the_day_on_which_it_came_into_force(self):
        first = invariant("a")
        covered(first, self.one, "MISSING")
        moved(first, "STAGED", "ENFORCED", NOW + timedelta(days=1))
        self.fill()
        assert self.root() is None
        second = invariant("b", state="RETIRED")
        covered(second, self.two, "MISSING")
        moved(second, "ENFORCED", "RETIRED", NOW + timedelta(days=2))
        self.fill()
        assert self.root() == ("0", "1", "1", "1")

    def test_it_is_provisional_below_an_ou_until_its_date_there(self):
        first = invariant("a")
        for account in (self.one, self.lab):
            covered(first, account, "MISSING")
        plan = {"by_name": "sam", "why": "in steps", "at": NOW}
        Rollout.objects.create(
            invariant=first, ou=self.work, from_date=DAY + timedelta(days=30), **plan
        )
        self.fill()
        assert self.root() is None
        # The OU that is nearer decides.
        Rollout.objects.create(invariant=first, ou=self.dev, from_date=DAY, **plan)
        self.fill()
        assert self.root() == ("0", "1", "1", "1")
        assert ("", "Lab") in made.of_accounts("K7")

    def test_an_account_that_moves_changes_no_day_that_is_over(self):
        first = invariant("a")
        covered(first, self.lab, "MISSING")
        self.fill()
        later = NOW + timedelta(days=1)
        Placement.objects.filter(account=self.lab).update(until=later.date())
        Placement.objects.create(account=self.lab, ou=self.prod, since=later.date())
        Account.objects.filter(pk=self.lab.pk).update(ou=self.prod)
        rollups.roll_up(now=later)
        kpis.finalise(now=later)
        self.fill(later.date(), later)
        assert made.of_ous("K7", day=DAY)["Development"] == ("0", "1", "1", "1")
        assert made.of_ous("K7", day=later.date())["Production"] == ("0", "1", "1", "1")
        assert "Development" not in made.of_ous("K7", day=later.date())

    def test_k20_counts_policies_as_code(self):
        own = [factories.policy(target=self.prod.ou_id, name=f"own-{n}").policy for n in range(3)]
        tower = factories.policy(target=self.prod.ou_id, name="aws-guardrails-x").policy
        for number, policy in enumerate(own):
            PolicyDay.objects.create(
                policy=policy, day=LONG_AGO, kind="OWN", is_as_code=number == 0, is_known=number < 2
            )
        PolicyDay.objects.create(
            policy=tower, day=LONG_AGO, kind="KEPT_BY_AWS", is_as_code=False, is_known=True
        )
        self.fill()
        assert self.root(kpi="K20") == ("1", "3", "2", "3")
        assert self.root("kept_by_aws", kpi="K20") == ("1", "1", "1", "1")
        assert not made.of_accounts("K20")
        PolicyDay.objects.filter(policy=own[1]).update(until=DAY)
        self.fill()
        assert self.root(kpi="K20") == ("1", "2", "1", "2")

    def test_both_can_be_filled_for_days_that_are_over(self):
        assert {registry()[kpi].reach for kpi in ("K7", "K20")} == {"cells"}
