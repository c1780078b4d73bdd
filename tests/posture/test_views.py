"""Pages about scores, accounts and collections: who gets them, whole and in part."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from kombu import pools

from inventory.models import Collection
from tests import factories
from tests.factories import DAY, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db):
    """Workloads with one account of the team payments and one that is foreign to it."""
    team = factories.team(slug="payments")
    workloads = factories.ou(name="Workloads")
    payments = factories.ou(parent=workloads, name="Payments OU")
    mine = factories.account(ou=payments, team=team, name="payments-api")
    foreign = factories.account(ou=workloads, name="foreign-account")
    control = factories.control(title="Buckets block public access", severity="CRITICAL")
    for ou in (factories.root(), workloads, payments):
        for area, age in [("", 0), ("IDENTITY", 0), ("", 7), ("IDENTITY", 7)]:
            day = DAY - timedelta(days=age)
            factories.ou_day(ou=ou, area=area, day=day, score=72.4 - age, open_critical=5)
        factories.ou_control(ou=ou, control=control)
    for account in (mine, foreign):
        factories.account_day(account=account, score=63.1, open_critical=2)
        factories.cell(account=account, control=control)
        factories.finding(account=account, control=control)
    factories.count_findings()
    factories.rollup_state()
    factories.run(collection=factories.collection())
    return {"workloads": workloads, "payments": payments, "mine": mine, "foreign": foreign}


@pytest.fixture
def engineer(client):
    user = factories.security_engineer()
    client.force_login(user)
    return client


def get(client, name, *args, query="", headers=None):
    return client.get(reverse(name, args=args) + query, headers=headers or {})


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_overview_shows_the_score_the_tree_and_the_numbers_behind_it(engineer, world):
    response = get(engineer, "posture:overview")
    shown = text(response)
    assert "Organisation overview" in shown and "72.4" in shown
    assert "Workloads" in shown and "Payments OU" in shown
    content = response.content.decode()
    assert f'href="{reverse("findings:list")}?severity=CRITICAL"' in content
    assert f'href="{reverse("posture:scorecard", args=[world["payments"].ou_id])}"' in content


def test_a_team_member_reads_about_their_accounts_and_nothing_foreign(client, world):
    client.force_login(factories.team_member(team=world["mine"].team))
    response = get(client, "posture:overview")
    shown = text(response)
    assert "Overview of your accounts" in shown and "payments-api" in shown and "63.1" in shown
    assert "foreign-account" not in shown and "72.4" not in shown
    assert "Scorecards 0" in shown


def test_a_stranger_is_told_that_there_is_nothing_for_them(client, world):
    client.force_login(factories.stranger())
    shown = text(get(client, "posture:overview"))
    assert "No account to show" in shown
    assert "payments-api" not in shown and "72.4" not in shown


def test_before_the_first_collection_the_overview_says_what_to_do_next(engineer):
    shown = text(get(engineer, "posture:overview"))
    assert "Nothing has been collected yet" in shown and "Open the sync page" in shown


def test_missing_data_is_called_out_beside_the_score(engineer, world):
    factories.run(collection=Collection.objects.get(), source="CONTROLS", state="DENIED")
    shown = text(get(engineer, "posture:overview"))
    assert "Some data is missing" in shown and "Security Hub controls: 1 denied" in shown


def test_a_scorecard_explains_its_letter_and_leads_to_the_findings(engineer, world):
    ou = world["workloads"]
    response = get(engineer, "posture:scorecard", ou.ou_id)
    shown = text(response)
    assert "Buckets block public access" in shown
    assert "Payments OU" in shown  # the child OU
    assert "payments-api" in shown  # an account that needs help
    control = re.search(r"control=(S3\.\d+)", response.content.decode()).group(0)
    assert f"?ou={ou.ou_id}&amp;{control}" in response.content.decode()


def test_drilling_down_with_htmx_brings_the_page_without_its_frame(engineer, world):
    response = get(engineer, "posture:scorecard", world["payments"].ou_id, headers=HTMX)
    content = response.content.decode()
    assert "<html" not in content and "<h1>Payments OU</h1>" in content
    assert "<title>Payments OU scorecard" in content
    assert 'hx-swap-oob="true"' in content and 'id="crumbs"' in content
    assert "HX-Request" in response["Vary"]
    boosted = HTMX | {"HX-Boosted": "true"}
    full = get(engineer, "posture:scorecard", world["payments"].ou_id, headers=boosted)
    assert "<html" in full.content.decode() and "hx-swap-oob" not in full.content.decode()


def test_every_child_card_has_an_address_of_its_own(engineer, world):
    content = get(engineer, "posture:scorecard", world["workloads"].ou_id).content.decode()
    url = reverse("posture:scorecard", args=[world["payments"].ou_id])
    assert f'href="{url}" hx-get="{url}"' in content


@pytest.mark.parametrize("ou_id", ["ou-ab12-99999999", "r-zz99"])
def test_an_ou_that_is_not_there_is_not_found(engineer, world, ou_id):
    assert get(engineer, "posture:scorecard", ou_id).status_code == 404


def test_a_foreign_ou_or_account_is_not_found_rather_than_forbidden(client, world):
    client.force_login(factories.team_member(team=world["mine"].team))
    assert get(client, "posture:scorecard", world["payments"].ou_id).status_code == 404
    assert get(client, "posture:account", world["foreign"].account_id).status_code == 404
    assert get(client, "posture:account", world["mine"].account_id).status_code == 200


def test_an_ou_without_a_score_says_so(engineer, world):
    empty = factories.ou(name="New OU")
    assert "No data for this OU yet" in text(get(engineer, "posture:scorecard", empty.ou_id))


def test_the_account_page_says_who_owns_it_and_what_fails(engineer, world):
    factories.policy(target=world["workloads"].ou_id, name="deny-leaving")
    shown = text(get(engineer, "posture:account", world["mine"].account_id))
    for part in ("payments-api", "Buckets block public access", "deny-leaving", "owner=payments"):
        assert part in shown
    account_id = world["mine"].account_id
    assert f"{account_id[:4]} {account_id[4:8]} {account_id[8:]}" in shown


def test_the_management_account_says_that_scps_do_not_apply(engineer, world):
    account = factories.account(account_id="100000000001")
    factories.policy(target="r-ab12", target_kind="ROOT")
    shown = text(get(engineer, "posture:account", account.account_id))
    assert "SCPs and RCPs do not apply to it" in shown and "does not apply here" in shown


def test_the_account_list_is_narrowed_by_its_address_whole_or_in_part(engineer, world):
    query = f"?q=payments&ou={world['workloads'].ou_id}&team=payments"
    whole = get(engineer, "posture:accounts", query=query)
    part = get(engineer, "posture:accounts", query=query, headers=HTMX)
    for response in (whole, part):
        assert "payments-api" in text(response) and "foreign-account" not in text(response)
    assert "<html" in whole.content.decode()
    assert part.content.decode().strip().startswith('<section class="card" id="results"')


@pytest.mark.parametrize(
    "query", ["?ou=nonsense", "?sort=x", "?team=%00", "?cursor=abc", "?q=%00", "?q=" + "a" * 999]
)
def test_nonsense_in_the_address_of_the_account_list_is_no_error(engineer, world, query):
    assert get(engineer, "posture:accounts", query=query).status_code == 200


def test_sync_status_names_the_missing_permission_and_the_next_step(engineer, world):
    factories.run(
        collection=Collection.objects.get(),
        source="ACCESS_ANALYZER",
        account_id=world["mine"].account_id,
        region="eu-west-1",
        state="DENIED",
        missing_permission="access-analyzer:ListAnalyzers",
    )
    factories.quarantined()
    shown = text(get(engineer, "posture:sync"))
    assert "Coverage gap. Allow access-analyzer:ListAnalyzers in the read role" in shown
    assert "1 denied" in shown and "UpdatedAt is missing" in shown


def test_sync_status_can_be_narrowed_to_a_source_and_a_state(engineer, world):
    factories.run(collection=Collection.objects.get(), source="CONTROLS", state="FAILED")
    shown = get(engineer, "posture:sync", query="?source=CONTROLS&state=FAILED")
    assert [scope.source for scope in shown.context["scopes"]] == ["CONTROLS"]
    nonsense = get(engineer, "posture:sync", query="?source=x&state=y")
    assert len(nonsense.context["scopes"]) == 2


def test_a_running_collection_is_polled_until_it_has_ended(engineer, world):
    running = factories.collection(state="RUNNING", stage="FINDINGS", finished_at=None)
    factories.run(collection=running, state="RUNNING", finished_at=None)
    during = get(engineer, "posture:sync_progress", headers=HTMX)
    assert 'hx-trigger="every 2s"' in during.content.decode()
    assert "0 of 1 scopes" in text(during)
    running.state, running.finished_at = "COMPLETE", NOW
    running.save()
    after = get(engineer, "posture:sync_progress", headers=HTMX)
    assert "every 2s" not in after.content.decode()
    assert "collected" in json.loads(after["HX-Trigger"])


@pytest.fixture
def broker():
    """Celery on a broker in memory: what is sent can be read, and nobody takes it away."""
    kept = current_app.conf.broker_url

    def use(url):
        current_app.conf.broker_url = current_app.conf.broker_write_url = url
        pools.reset()
        current_app._pool = None
        current_app.amqp._producer_pool = None

    use("memory://")
    with current_app.connection_for_read() as connection:
        yield connection
    use(kept)


def test_collect_now_asks_a_worker_and_shows_that_it_waits(
    engineer, broker, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = engineer.post(reverse("posture:collect"), headers=HTMX)
    assert response.status_code == 200
    assert "waiting for a worker" in text(response) and "<html" not in response.content.decode()
    message = broker.SimpleQueue("collect").get_nowait()
    assert message.headers["task"] == "posture.collect"
    assert message.payload[1] == {"requested_by": "security-engineer"}


def test_collect_now_works_without_scripts(engineer, broker, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = engineer.post(reverse("posture:collect"))
    assert response.status_code == 302
    assert response["Location"] == f"/sync/?asked={int(NOW.timestamp())}"
    assert "waiting for a worker" in text(engineer.get(response["Location"]))


def test_a_collection_that_nobody_takes_is_said_to_be_so(engineer):
    asked = int((NOW - timedelta(seconds=61)).timestamp())
    shown = get(engineer, "posture:sync_progress", query=f"?asked={asked}", headers=HTMX)
    assert "No worker has taken the collection" in text(shown)
    assert "every 2s" not in shown.content.decode()


@pytest.mark.parametrize("asked", ["", "x", "-1", "99999999999999", "²"])
def test_nonsense_in_the_address_of_the_progress_is_no_error(engineer, asked):
    shown = get(engineer, "posture:sync_progress", query=f"?asked={asked}")
    assert "No collection is running" in text(shown)


def test_only_those_who_may_collect_find_the_button_and_the_way(client, world):
    client.force_login(factories.team_member(team=world["mine"].team))
    assert "Collect now" not in text(get(client, "posture:sync"))
    assert client.post(reverse("posture:collect")).status_code == 403


def test_the_health_check_asks_the_database_and_the_broker_and_tells_no_more(client):
    response = client.get("/healthz/")
    assert (response.status_code, response.json()) == (200, {"ok": True})


def test_the_health_check_fails_without_a_broker(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/healthz/")
    assert (response.status_code, response.json()) == (503, {"ok": False})


def test_people_sign_in_and_out(client):
    factories.local_person(username="sam")
    page = client.get(reverse("account_login"))
    assert page.status_code == 200
    answer = {"login": "sam", "password": factories.PASSWORD}
    assert client.post(reverse("account_login"), answer)["Location"] == reverse("posture:overview")
    assert client.post(reverse("account_logout"))["Location"] == reverse("account_login")
    assert client.get(reverse("posture:overview")).status_code == 302


def test_pages_take_as_many_queries_for_thirty_ous_more(engineer, world, django_assert_num_queries):
    urls = [
        reverse("posture:overview"),
        reverse("posture:scorecards"),
        reverse("posture:scorecard", args=["r-ab12"]),
        reverse("posture:accounts"),
        reverse("posture:sync"),
        reverse("findings:list"),
    ]
    counts = {}
    for url in urls:
        engineer.get(url)
        with CaptureQueriesContext(connection) as captured:
            engineer.get(url)
        counts[url] = len(captured)
    for _ in range(30):
        ou = factories.ou()
        account = factories.account(ou=ou, team=factories.team())
        factories.ou_day(ou=ou)
        factories.account_day(account=account)
        factories.finding(account=account, control=factories.control())
        factories.run(
            collection=Collection.objects.get(),
            source="ACCESS_ANALYZER",
            account_id=account.account_id,
        )
    factories.count_findings()
    for url in urls:
        with django_assert_num_queries(counts[url]):
            assert engineer.get(url).status_code == 200
