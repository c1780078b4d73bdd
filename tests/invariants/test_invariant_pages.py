"""The pages about invariants: what they say, and to whom."""

import csv
import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from invariants.models import CatalogLoad, Coverage, CoverageDay, Invariant
from inventory.models import OuAccess, TeamMembership
from tests import factories
from tests.factories import NOW
from tests.fixtures import invariant_pages as rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db):
    return rows.world()


@pytest.fixture
def engineer(client, world):
    client.force_login(world["engineer"])
    return client


def get(client, name, *args, query="", headers=None):
    return client.get(reverse(f"invariants:{name}", args=args) + query, headers=headers or {})


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def lines(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


PERIMETER = "dp-identity"


class TestTheList:
    def test_says_of_each_invariant_where_it_holds_in_words(self, engineer):
        shown = text(get(engineer, "list"))
        assert "3 invariants" in shown
        assert "No account can leave the organisation." in shown
        assert "3 of 6" in shown and "1 broken, 1 missing, 1 excepted" in shown
        assert "holds everywhere" in shown and "not worked out yet" in shown

    @pytest.mark.parametrize(
        ("query", "keys"),
        [
            ("", {"dp-identity", "acct-leave-org", "ec2-serial"}),
            ("?area=DATA_PROTECTION", {"dp-identity"}),
            ("?type=SERVICE_CONTROL_POLICY", {"acct-leave-org"}),
            ("?state=DRAFT", {"ec2-serial"}),
            ("?coverage=holds", {"acct-leave-org"}),
            ("?coverage=broken", {"dp-identity"}),
            ("?coverage=unknown", {"ec2-serial"}),
            ("?mandatory=1", {"dp-identity", "acct-leave-org"}),
            ("?q=SERIAL", {"ec2-serial"}),
            ("?q=expensive&area=DATA_PROTECTION", {"dp-identity"}),
            ("?q=nothing", set()),
        ],
    )
    def test_is_narrowed_by_its_address_and_so_is_the_export(self, engineer, query, keys):
        content = get(engineer, "list", query=query).content.decode()
        every = {"dp-identity", "acct-leave-org", "ec2-serial"}
        assert {key for key in every if reverse("invariants:detail", args=[key]) in content} == keys
        assert {line["key"] for line in lines(get(engineer, "list_csv", query=query))} == keys

    def test_the_export_has_the_numbers_of_the_page(self, engineer):
        [line] = lines(get(engineer, "list_csv", query="?q=dp-identity"))
        assert line["accounts enforced"] == "2"
        assert line["accounts enforced with carve-out"] == "1"
        assert line["accounts not enforceable"] == "1"
        assert line["open drift"] == "1"

    def test_names_what_was_wrong_with_the_address(self, engineer):
        assert "There is no such area" in text(get(engineer, "list", query="?area=MOON"))

    def test_a_fragment_is_the_results_alone(self, engineer):
        content = get(engineer, "list", headers=HTMX).content.decode()
        assert content.lstrip().startswith("<section") and "<nav" not in content

    def test_an_empty_catalogue_says_what_to_do(self, client, db):
        client.force_login(factories.security_engineer())
        assert "manage.py load_catalog" in text(get(client, "list"))

    def test_before_the_first_evaluation_nothing_is_said_to_hold(self, client, db):
        rows.invariant()
        client.force_login(factories.security_engineer())
        shown = text(get(client, "list"))
        assert "It has not been worked out yet where they hold." in shown
        assert "holds everywhere" not in shown

    def test_a_refused_catalogue_is_said_with_file_line_and_remedy(self, engineer):
        problem = {
            "file": "own/s3.yaml",
            "line": 7,
            "message": "no such area",
            "remedy": "Write DATA_PROTECTION.",
        }
        CatalogLoad.objects.create(
            organization=factories.organization(),
            at=NOW,
            state="REFUSED",
            problems=[problem],
            files="0" * 64,
        )
        shown = text(get(engineer, "list"))
        assert "own/s3.yaml:7 no such area Write DATA_PROTECTION." in shown

    def test_a_team_member_sees_their_own_accounts_counted(self, client, world):
        client.force_login(factories.team_member(team=world["team"]))
        shown = text(get(client, "list"))
        assert "1 of 1" in shown and "3 of 6" not in shown
        assert "broken" not in shown.split("CSV")[1]

    def test_a_stranger_sees_nothing_of_it(self, client, world):
        client.force_login(factories.stranger())
        assert "No account can leave" not in text(get(client, "list"))
        assert get(client, "detail", PERIMETER).status_code == 404
        assert get(client, "accounts", PERIMETER).status_code == 404

    def test_costs_the_same_for_three_and_for_thirty(
        self, engineer, world, django_assert_max_num_queries
    ):
        get(engineer, "list")
        with django_assert_max_num_queries(25) as few:
            get(engineer, "list")
        for place in range(27):
            one = rows.invariant(f"more-{place}")
            rows.coverage(one, world["accounts"]["play"])
        with django_assert_max_num_queries(len(few)):
            get(engineer, "list")


class TestOneInvariant:
    def test_says_statement_why_and_how_far_its_life_is(self, engineer):
        response = get(engineer, "detail", PERIMETER)
        shown = text(response)
        assert "<em>unless it is marked as shared.</em>" in response.content.decode()
        assert "our two most expensive incidents" in shown
        assert "Staged: 1 of 3 OUs" in shown
        assert re.search(r"tested 1 Sep 2026 · Priya Raman staged since 7 Oct 2026", shown)
        assert "3 of 6 in scope" in shown and "1 difference" in shown

    def test_the_drawing_leads_to_the_accounts_and_has_a_table(self, engineer, world):
        content = get(engineer, "detail", PERIMETER).content.decode()
        accounts = reverse("invariants:accounts", args=[PERIMETER])
        data = world["data"].ou_id
        assert f'href="{accounts}?ou={data}&amp;state=BROKEN"' in content
        assert 'aria-label="Right in Data &amp; Analytics: 1 account broken"' in content
        assert "Show as table" in content
        assert "3 of 6 accounts in scope protected · 1 exempt · 1 not covered · 1 broken" in content

    def test_the_policy_stands_with_its_lint_beside_the_line(self, engineer):
        response = get(engineer, "detail", PERIMETER, query="?tab=policy")
        content, shown = response.content.decode(), text(response)
        marked = re.search(r'<span class="l warning">(.*?)</span></span>', content)
        assert marked and "StringNotEqualsIfExists" in content
        assert "negated-if-exists line 14" in shown and "Write StringNotEquals." in shown
        assert "Denies everybody s3:* and sqs:*" in shown
        assert "1,846 of 5,120 characters" in shown and "1 of 5 at the fullest target" in shown

    def test_history_has_moves_gates_versions_and_what_changed(self, engineer):
        shown = text(get(engineer, "detail", PERIMETER, query="?tab=history"))
        assert "Draft to tested, version 1" in shown and "6 of 6 probes hold" in shown
        assert "From version 1 to 2" in shown
        assert "https://docs.aws.amazon.com/organizations" in shown

    def test_exceptions_are_those_found_and_the_usual_ones(self, engineer):
        shown = text(get(engineer, "detail", PERIMETER, query="?tab=exceptions"))
        assert "analytics-lake" in shown and "vendor-exports" in shown
        assert "retail-shop" not in shown
        assert "Partners with a contract" in shown

    @pytest.mark.parametrize("tab", ["overview", "coverage", "violations", "denials", "nonsense"])
    def test_every_part_answers(self, engineer, tab):
        response = get(engineer, "detail", PERIMETER, query=f"?tab={tab}")
        assert response.status_code == 200
        fragment = get(engineer, "detail", PERIMETER, query=f"?tab={tab}", headers=HTMX)
        assert fragment.content.decode().lstrip().startswith("<div")

    def test_an_unknown_key_is_not_found(self, engineer):
        assert get(engineer, "detail", "no-such-one").status_code == 404

    @pytest.mark.parametrize("tab", ["overview", "policy", "coverage", "history", "exceptions"])
    def test_a_team_member_reads_statement_why_and_their_own_accounts(self, client, world, tab):
        client.force_login(factories.team_member(team=world["team"]))
        response = get(client, "detail", PERIMETER, query=f"?tab={tab}")
        shown = text(response)
        assert "No one outside the organisation" in shown and "1 of 1 in scope" in shown
        for secret in (
            "S3OrgPerimeter",
            "551200347718",
            "Priya Raman",
            "dp-identity.yaml",
            "novalytics",
            "Data &amp; Analytics",
            "Its probes hold",
        ):
            assert secret not in response.content.decode(), secret

    def test_costs_the_same_however_many_accounts_there_are(
        self, engineer, world, django_assert_max_num_queries
    ):
        get(engineer, "detail", PERIMETER)
        with django_assert_max_num_queries(40) as few:
            get(engineer, "detail", PERIMETER)
        for _ in range(20):
            rows.coverage(world["perimeter"], factories.account(ou=world["sandbox"]), "MISSING")
        with django_assert_max_num_queries(len(few)):
            get(engineer, "detail", PERIMETER)


@pytest.mark.parametrize("role", ["Executive", "Auditor", "Administrator"])
def test_whoever_sees_the_whole_organisation_reads_the_policy_and_moves_nothing(
    client, world, role
):
    client.force_login(factories.person(role=role, username=role.lower()))
    response = get(client, "detail", PERIMETER)
    assert "S3OrgPerimeter" in response.content.decode()
    assert "Promote to" not in text(response)


class TestWhoSeesWhat:
    def test_ous_and_teams_together_count_each_account_once(self, client, world):
        reader = factories.ou_reader(ou=world["production"])
        OuAccess.objects.create(user=reader, ou=world["data"])
        TeamMembership.objects.create(user=reader, team=world["team"])
        client.force_login(reader)
        [line] = lines(get(client, "list_csv", query=f"?q={PERIMETER}"))
        found = lines(get(client, "accounts_csv", PERIMETER))
        assert len(found) == 5
        assert (
            sum(int(line[f"accounts {state}"]) for state in ("enforced", "excepted", "broken")) == 4
        )
        assert "3 of 5 in scope" in text(get(client, "detail", PERIMETER))

    def test_the_navigation_counts_invariants_and_what_has_drifted(self, client, world):
        client.force_login(world["engineer"])
        content = get(client, "list").content.decode()
        assert re.search(r"<span>Invariants</span><span class=\"n\">3<", content)
        assert re.search(r"<span>Drift</span><span class=\"n hot\">1<", content)
        client.force_login(factories.stranger())
        content = get(client, "list").content.decode()
        assert re.search(r"<span>Invariants</span><span class=\"n\">0<", content)
        assert re.search(r"<span>Drift</span></a>", content)


class TestTheAccounts:
    def test_are_those_of_the_number_with_reason_policy_and_level(self, engineer, world):
        query = f"?ou={world['production'].ou_id}&state=ENFORCED"
        shown = text(get(engineer, "accounts", PERIMETER, query=query))
        assert "payments-api" in shown and "retail-shop" in shown
        assert "analytics-lake" not in shown and "play" not in shown.split("Why")[1]
        assert "The policy denies everything that it has to deny." in shown
        assert "dp-identity-policy" in shown

    def test_the_export_has_all_of_them_once(self, engineer):
        found = lines(get(engineer, "accounts_csv", PERIMETER))
        assert len(found) == 7
        assert {line["state"] for line in found} >= {"missing", "broken", "not enforceable"}

    def test_every_number_of_the_matrix_is_the_number_of_its_accounts(self, engineer):
        found = lines(get(engineer, "matrix_csv", query="?depth=3"))
        assert found
        for line in found:
            if not line["accounts in scope"]:
                continue
            rows_ = lines(
                get(engineer, "accounts_csv", line["invariant"], query=f"?ou={line['OU id']}")
            )
            states = [row["state"] for row in rows_]
            for state in ("enforced", "excepted", "missing", "broken", "unknown"):
                assert states.count(state) == int(line[state]), (line, state)

    def test_are_paged(self, engineer, world):
        for _ in range(60):
            rows.coverage(world["perimeter"], factories.account(ou=world["sandbox"]), "MISSING")
        first = get(engineer, "accounts", PERIMETER, query="?state=MISSING")
        content = first.content.decode()
        following = re.search(r'rel="next" href="([^"]+)"', content)
        assert following and 'rel="prev"' not in content
        second = engineer.get(following[1].replace("&amp;", "&")).content.decode()
        assert 'rel="prev"' in second and 'rel="next"' not in second

    def test_a_team_member_sees_no_other_account(self, client, world):
        client.force_login(factories.team_member(team=world["team"]))
        shown = text(get(client, "accounts", PERIMETER))
        assert "payments-api" in shown and "retail-shop" not in shown
        assert len(lines(get(client, "accounts_csv", PERIMETER))) == 1

    def test_none_in_that_state_says_so(self, engineer):
        assert "No account is so" in text(
            get(engineer, "accounts", PERIMETER, query="?state=UNKNOWN")
        )


class TestOneAccount:
    def test_says_what_was_tried_and_what_decided_it(self, engineer, world):
        account = world["accounts"]["novalytics"]
        day = NOW.date() - timedelta(days=9)
        CoverageDay.objects.create(
            invariant=world["perimeter"], account=account, day=day, state="BROKEN"
        )
        shown = text(get(engineer, "account", PERIMETER, account.account_id))
        assert "A stranger reads an object" in shown and "gets through" in shown
        assert "statement “S3OrgPerimeter” of dp-identity-policy, attached to Workloads" in shown
        assert f"arn:aws:iam::{account.account_id}:role/Anything" in shown
        assert "StringNotEquals aws:PrincipalAccount 118840027731" in shown
        assert "Broken 11 Nov 2026 until now" in shown

    def test_a_team_member_reads_the_reason_and_no_policy(self, client, world):
        client.force_login(factories.team_member(team=world["team"]))
        mine, foreign = world["accounts"]["payments"], world["accounts"]["retail"]
        response = get(client, "account", PERIMETER, mine.account_id)
        assert rows.REASONS["ENFORCED"] in text(response)
        assert "dp-identity-policy" not in response.content.decode()
        assert get(client, "account", PERIMETER, foreign.account_id).status_code == 404

    def test_an_account_of_which_nothing_is_known_is_not_found(self, engineer, world):
        account = factories.account()
        assert get(engineer, "account", PERIMETER, account.account_id).status_code == 404


class TestTheMatrix:
    def test_prints_share_and_word_of_each_pair(self, engineer):
        shown = text(get(engineer, "matrix"))
        assert "3 invariants by 3 OUs" in shown
        assert re.search(r"dp-identity in Workloads: Workloads 60% 1 broken", shown)
        assert re.search(r"acct-leave-org in Sandbox: Sandbox 100% holds", shown)

    def test_goes_down_the_tree(self, engineer, world):
        shown = text(get(engineer, "matrix", query=f"?ou={world['production'].ou_id}"))
        assert "dp-identity in Data &amp; Analytics" in shown and "Sandbox:" not in shown
        assert "by 5 OUs" in text(get(engineer, "matrix", query="?depth=3"))

    def test_children_and_own_accounts_make_the_parent(self, engineer, world):
        found = lines(get(engineer, "matrix_csv", query=f"?q={PERIMETER}&depth=3"))
        by_ou = {line["OU id"]: line for line in found}
        own = {}
        for row in Coverage.objects.filter(invariant=world["perimeter"]).select_related(
            "account__ou"
        ):
            own.setdefault(row.account.ou.ou_id, []).append(row.state)
        for parent, children in (
            ("r-ab12", [world["workloads"].ou_id, world["sandbox"].ou_id]),
            (world["workloads"].ou_id, [world["production"].ou_id]),
            (world["production"].ou_id, [world["data"].ou_id]),
        ):
            for state in ("missing", "broken", "enforced", "not enforceable"):
                code = state.upper().replace(" ", "_")
                below = sum(int(by_ou[child][state]) for child in children)
                assert int(by_ou[parent][state]) == below + own.get(parent, []).count(code)

    def test_is_filtered_like_the_list(self, engineer):
        shown = text(get(engineer, "matrix", query="?coverage=gaps"))
        assert "1 of 3 invariants by" in shown

    def test_who_sees_no_ou_is_sent_to_the_list(self, client, world):
        client.force_login(factories.team_member(team=world["team"]))
        assert "You see no OU as a whole" in text(get(client, "matrix"))

    def test_an_ou_reader_sees_their_part_of_the_tree(self, client, world):
        client.force_login(factories.ou_reader(ou=world["production"]))
        shown = text(get(client, "matrix"))
        assert "Data &amp; Analytics" in shown and "Sandbox" not in shown


def test_a_retired_invariant_and_one_that_is_gone_say_so(engineer, world):
    Invariant.objects.filter(key=PERIMETER).update(state="RETIRED", gone_at=NOW)
    shown = text(get(engineer, "detail", PERIMETER))
    assert "No longer in the catalogue since 20 Nov 2026" in shown and "retired since" in shown
