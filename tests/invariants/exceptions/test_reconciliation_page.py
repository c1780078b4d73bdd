"""The page of reconciliation: who sees what of it, filters, and another look."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from invariants.models import ExceptionMismatch, Invariant, ReconciliationRun
from invariants.queries.exceptions import reconciliation as queries
from tests import factories
from tests.invariants.exceptions import world as exceptions
from tests.invariants.exceptions.world import NOW, WHY

pytestmark = pytest.mark.django_db
URL = "/exceptions/reconciliation/"
# A page goes by the clock on the wall.
BEFORE = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def world():
    return exceptions.build()


@pytest.fixture
def request_(world):
    return world.implementing()


def item(world, kind, *, exception=None, account=None, **changes):
    values = {
        "organization": world.account.organization,
        "kind": kind,
        "key": f"{factories.number():064d}",
        "exception": exception,
        "account": account,
        "accounts": 1 if account else 12,
        "policy_name": "SecretPolicy",
        "condition_key": "aws:PrincipalArn",
        "value": "arn:aws:iam::123456789012:role/Hidden",
        "severity": "HIGH",
        "owner_part": "PLATFORM",
        "owner": "Platform team",
        "summary": f"Something of kind {kind}",
        "remedy": "Do something about it.",
        "first_seen": NOW,
        "last_seen": NOW,
        "evidence": {"accounts": ["123456789012", "123456789013"]},
    }
    return ExceptionMismatch.objects.create(**(values | changes))


def read(client, person, query=""):
    client.force_login(person)
    answer = client.get(URL + query)
    assert answer.status_code == 200
    return answer.content.decode()


class TestWhoSeesWhat:
    def test_who_sees_everything_sees_policies_and_accounts(self, client, world, request_):
        item(world, "ZOMBIE", exception=request_)
        item(world, "NOT_APPROVED")
        text = read(client, world.people["lead"])
        assert "Something of kind ZOMBIE" in text and "Something of kind NOT_APPROVED" in text
        assert "SecretPolicy" in text and "role/Hidden" in text and "123456789013" in text

    def test_a_team_sees_its_exceptions_and_what_is_about_its_account_alone(
        self, client, world, request_
    ):
        item(world, "ZOMBIE", exception=request_)
        item(world, "NOT_APPROVED")
        item(world, "NOT_APPROVED", exception=request_, summary="Wider than yours")
        item(world, "NOT_APPROVED", account=world.account, value="arn:own", summary="In your own")
        text = read(client, world.people["colleague"])
        assert "Something of kind ZOMBIE" in text and "In your own" in text and "arn:own" in text
        assert "Something of kind NOT_APPROVED" not in text and "Wider than yours" not in text
        assert "SecretPolicy" not in text and "123456789013" not in text
        assert "role/Hidden" not in text

    def test_somebody_of_another_team_sees_nothing(self, client, world, request_):
        stranger = factories.team_member(team=factories.team(), username="stranger")
        item(world, "ZOMBIE", exception=request_)
        item(world, "NOT_APPROVED")
        item(world, "NOT_APPROVED", account=world.account)
        assert "Something of kind" not in read(client, stranger)
        assert queries.open_counts(stranger) == dict.fromkeys(queries.open_counts(stranger), 0)
        assert not queries.open_items(stranger).exists()


class TestPage:
    def test_counts_are_those_of_the_list(self, client, world, request_):
        item(world, "ZOMBIE", exception=request_)
        item(world, "NOT_APPROVED")
        item(world, "NOT_APPROVED", ended_at=NOW)
        lead = world.people["lead"]
        assert queries.open_counts(lead) == {
            "ZOMBIE": 1,
            "NOT_APPROVED": 1,
            "NOT_DEPLOYED": 0,
            "RE_REVIEW": 0,
        }
        assert [row.kind for row in queries.open_items(lead)] == ["ZOMBIE", "NOT_APPROVED"]
        text = read(client, lead)
        assert "2 open, 1 ended" in text
        assert "Something of kind ZOMBIE" not in read(client, lead, "?kind=NOT_APPROVED")
        assert "1 ended" in read(client, lead, "?state=ended")

    def test_what_nobody_asked_for_leads_to_the_form(self, client, world):
        invariant = known_invariant(world)
        item(world, "NOT_APPROVED", account=world.account, invariant=invariant)
        text = read(client, world.people["colleague"])
        link = f"{reverse('exceptions:new')}?invariant={invariant.key}&amp;account={world.account.account_id}"
        assert link in text

    def test_wrong_filters_are_said_and_left_out(self, client, world, request_):
        item(world, "ZOMBIE", exception=request_)
        text = read(client, world.people["lead"], "?kind=NOTHING&invariant=%27")
        assert "There is no such kind" in text and "Something of kind ZOMBIE" in text

    def test_before_anything_was_compared_nothing_is_claimed(self, client, world):
        assert "Nothing was compared yet" in read(client, world.people["lead"])
        organization = world.account.organization
        ReconciliationRun.objects.create(organization=organization, at=NOW, state="COMPLETE")
        assert "Nothing differs that you may see" in read(client, world.people["lead"])
        ReconciliationRun.objects.create(
            organization=organization, at=NOW, state="PARTIAL", why="The last reading is failed."
        )
        text = read(client, world.people["lead"])
        assert "Not compared since" in text and "The last reading is failed." in text
        assert "The last reading is failed." not in read(client, world.people["colleague"])

    def test_it_takes_as_many_queries_for_many_as_for_few(
        self, client, world, request_, django_assert_max_num_queries
    ):
        client.force_login(world.people["lead"])
        for _ in range(30):
            item(world, "NOT_APPROVED")
        with django_assert_max_num_queries(26):
            client.get(URL)


class TestLookedAgain:
    def post(self, client, person, row, note=WHY):
        client.force_login(person)
        return client.post(reverse("exceptions:looked_again", args=[row.pk]), {"note": note})

    def test_it_ends_and_is_in_the_log(self, client, world, request_):
        row = item(world, "RE_REVIEW", exception=request_, cause="OU_MOVE", first_seen=BEFORE)
        assert self.post(client, world.people["lead"], row).status_code == 302
        row.refresh_from_db()
        assert (row.answer, bool(row.ended_at)) == (WHY, True)
        assert request_.events.filter(verb="REVIEWED", note=WHY).count() == 1

    @pytest.mark.parametrize(
        ("name", "status"), [("colleague", 403), ("requester", 403), ("implementer", 403)]
    )
    def test_others_may_not(self, client, world, request_, name, status):
        row = item(world, "RE_REVIEW", exception=request_, cause="OU_MOVE", first_seen=BEFORE)
        assert self.post(client, world.people[name], row).status_code == status
        row.refresh_from_db()
        assert row.ended_at is None

    def test_without_a_word_it_stays(self, client, world, request_):
        row = item(world, "RE_REVIEW", exception=request_, cause="OU_MOVE", first_seen=BEFORE)
        assert self.post(client, world.people["lead"], row, "").status_code == 302
        row.refresh_from_db()
        assert row.ended_at is None

    def test_what_is_no_re_review_or_not_there_is_not_found(self, client, world, request_):
        row = item(world, "ZOMBIE", exception=request_)
        assert self.post(client, world.people["lead"], row).status_code == 404
        row.pk = 2**62
        assert self.post(client, world.people["lead"], row).status_code == 404


def known_invariant(world):
    return Invariant.objects.create(
        organization=world.account.organization,
        key="iam-no-users",
        state_since=NOW,
        statement="No users.",
        why="Keys leak.",
        type="SERVICE_CONTROL_POLICY",
        type_name="Service control policy",
        severity="HIGH",
        area="IDENTITY",
        owner="Identity team",
        is_mandatory=True,
    )
