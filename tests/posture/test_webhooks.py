"""What webhooks are told: what their owner may see of what happened, once, and nothing else."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from findings import ingest
from posture import actions as collections
from posture.actions import people, reviews, webhooks
from posture.models import FindingNews, Profile, Webhook, WebhookDelivery, WebhookEvent
from posture.policies import roles, sealing
from posture.policies import webhooks as policies
from posture.queries.webhooks import FINDINGS_TOLD, told
from posture.rollups import reviews as freezing
from tests import factories
from tests.factories import NOW
from tests.findings import records
from tests.fixtures import review_pages
from tests.fixtures import reviews as review_rows
from tests.fixtures.receivers import pump, webhook

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def organization():
    factories.root()
    return factories.organization()


def gathered(receiver, *, now=NOW):
    webhooks.gather_findings(now=now)
    pump(now=now)
    return receiver.messages


def test_every_event_of_the_table_has_somebody_who_tells_it():
    assert set(told._TELLERS) == {policies.TEST, *policies.BY_CODE}
    known = {right.code for right in roles.RIGHTS}
    assert {event.right for event in policies.EVENTS} <= known


def test_an_event_that_is_not_in_the_table_cannot_be_announced(organization):
    with pytest.raises(KeyError):
        webhooks.announce("findings.eaten", {}, organization=organization, now=NOW)


def test_nothing_is_kept_where_nobody_asks(organization):
    assert webhooks.announce("review.frozen", {}, organization=organization, now=NOW) is None
    account = factories.account()
    factories.finding(account=account, control=factories.control())
    assert webhooks.gather_findings(now=NOW) == 0
    assert not WebhookEvent.objects.exists()
    assert not FindingNews.objects.exists()


def test_an_event_goes_with_the_transaction_that_it_tells_of(receiver, organization):
    webhook(receiver, events=["collection.failed"])
    collection = factories.collection(state="FAILED")
    told = {"collection": collection.pk}
    with transaction.atomic():
        webhooks.announce("collection.failed", told, organization=organization, now=NOW)
        transaction.set_rollback(True)
    assert not WebhookEvent.objects.exists()
    webhooks.announce("collection.failed", told, organization=organization, now=NOW)
    assert WebhookEvent.objects.count() == 1


def test_findings_are_told_together_with_counts_a_link_and_the_worst_first(receiver):
    webhook(receiver, events=list(policies.FINDINGS))
    account, control = factories.account(), factories.control()
    low = factories.finding(account=account, control=control, severity="LOW")
    bad = factories.finding(account=account, control=control, severity="CRITICAL")
    factories.finding(account=account, control=control, status="PASSED", compliance="PASSED")
    (message,) = gathered(receiver)
    assert message["type"] == "findings.opened"
    assert message["version"] == 1
    assert message["organization"] == {"id": "o-halden0001", "name": "Halden Group"}
    data = message["data"]
    assert (data["count"], data["accounts"], data["is_complete"]) == (2, 1, True)
    severities = {"CRITICAL": 1, "HIGH": 0, "MEDIUM": 0, "LOW": 1, "INFORMATIONAL": 0}
    assert data["by_severity"] == severities
    assert [one["id"] for one in data["findings"]] == [bad.pk, low.pk]
    assert data["findings"][0]["account_id"] == account.account_id
    assert data["findings"][0]["url"] == f"http://localhost:8000/findings/{bad.pk}/"
    assert data["url"] == "http://localhost:8000/findings/"
    assert data["since"] <= data["until"]
    assert not FindingNews.objects.exists()


def test_closing_reopening_and_workflow_are_told_and_turning_unknown_is_not(receiver):
    webhook(receiver, events=list(policies.FINDINGS))
    account, control = factories.account(), factories.control()
    row = factories.finding(account=account, control=control)
    gathered(receiver)
    receiver.requests.clear()

    def become(status, **values):
        opened_at = NOW if status == "OPEN" else None
        row.status, row.opened_at, row.due_at = status, opened_at, None
        for name, value in values.items():
            setattr(row, name, value)
        row.save()

    become("UNKNOWN")
    assert gathered(receiver) == []
    become("OPEN")
    become("CLOSED", workflow="RESOLVED")
    kinds = [(one["type"], one["data"]["count"]) for one in gathered(receiver)]
    assert kinds == [
        ("findings.opened", 1),
        ("findings.closed", 1),
        ("findings.workflow_changed", 1),
    ]
    assert receiver.messages[1]["data"]["findings"][0]["status"] == "CLOSED"


def test_what_ingest_stores_and_changes_is_told(receiver):
    webhook(receiver, events=list(policies.FINDINGS))
    factories.account(account_id="200000000001")
    catalog = ingest.load_catalog(factories.organization())
    one = records.record()
    ingest.upsert_findings([one], catalog=catalog, as_of=records.NOW)
    # The same once more is no news.
    ingest.upsert_findings([one], catalog=catalog, as_of=records.NOW)
    (opened,) = gathered(receiver)
    assert (opened["type"], opened["data"]["count"]) == ("findings.opened", 1)
    receiver.requests.clear()
    later = records.NOW + timedelta(hours=1)
    passed = records.record(
        finding_id=one.finding_id,
        compliance="PASSED",
        workflow="RESOLVED",
        updated_at=later,
        content_hash=b"passed".ljust(16),
    )
    ingest.upsert_findings([passed], catalog=catalog, as_of=later)
    kinds = [(one["type"], one["data"]["count"]) for one in gathered(receiver)]
    assert kinds == [("findings.closed", 1), ("findings.workflow_changed", 1)]


def test_a_batch_of_any_size_is_one_bounded_message(receiver):
    webhook(receiver, events=["findings.opened"])
    account, control = factories.account(), factories.control()
    for _ in range(FINDINGS_TOLD + 7):
        factories.finding(account=account, control=control)
    (message,) = gathered(receiver)
    assert message["data"]["count"] == FINDINGS_TOLD + 7
    assert len(message["data"]["findings"]) == FINDINGS_TOLD
    assert message["data"]["is_complete"] is False


def test_a_member_of_a_team_is_told_of_the_accounts_of_the_team_alone(receiver):
    team = factories.team(slug="payments")
    lead = factories.person(role="Security lead", username="lena")
    member = factories.person(role=["Team member"], team=team, username="tom")
    review_rows.permitted(member, "manage_webhooks")
    mine, foreign = factories.account(team=team), factories.account()
    webhook(receiver, events=["findings.opened"], owner=lead, name="all")
    webhook(receiver, events=["findings.opened"], owner=member, name="team")
    for account in (mine, foreign, foreign):
        factories.finding(account=account, control=factories.control())
    everything, ours = gathered(receiver)
    assert everything["data"]["count"] == 3
    assert ours["data"]["count"] == 1
    assert foreign.account_id.encode() not in receiver.requests[1].body
    assert ours["data"]["findings"][0]["account_id"] == mine.account_id


def test_who_sees_nothing_of_it_gets_no_message_at_all(receiver):
    member = factories.person(role=["Team member"], team=factories.team(), username="tom")
    review_rows.permitted(member, "manage_webhooks")
    webhook(receiver, events=["findings.opened"], owner=member)
    factories.finding(account=factories.account(), control=factories.control())
    assert gathered(receiver) == []
    assert not WebhookDelivery.objects.exists()
    assert WebhookEvent.objects.get().fanned_out_at == NOW


def test_a_right_that_was_taken_away_ends_what_is_told_and_what_waits(receiver):
    lead = factories.person(role="Security lead", username="lena")
    webhook(receiver, events=["findings.opened"], owner=lead)
    factories.finding(account=factories.account(), control=factories.control())
    webhooks.gather_findings(now=NOW)
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    lead.groups.clear()
    assert webhooks.deliver(pk, clock=lambda: NOW) == "GIVEN_UP"
    assert not receiver.requests
    assert "no longer the right" in WebhookDelivery.objects.get().error


def test_what_was_written_for_a_wider_view_is_not_sent_to_a_narrower_one(receiver):
    teams = [factories.team(), factories.team()]
    member = factories.person(role=["Team member"], team=teams[0], username="tom")
    factories.person(role=[], team=teams[1], username="tom")
    review_rows.permitted(member, "manage_webhooks")
    webhook(receiver, events=["findings.opened"], owner=member)
    for team in teams:
        factories.finding(account=factories.account(team=team), control=factories.control())
    webhooks.gather_findings(now=NOW)
    (pk,) = webhooks.fan_out(webhooks.waiting()[0], now=NOW)
    member.team_memberships.filter(team=teams[1]).delete()
    assert webhooks.deliver(pk, clock=lambda: NOW) == "GIVEN_UP"
    assert not receiver.requests
    assert "may see has changed" in WebhookDelivery.objects.get().error


def test_reviews_are_told_when_frozen_published_and_corrected(receiver, organization):
    kinds = [policies.REVIEW_FROZEN, policies.REVIEW_PUBLISHED, policies.REVIEW_ERRATUM]
    webhook(receiver, events=kinds)
    chair = review_rows.chair()
    week = review_rows.WEEK
    for day in (week.starts_on, week.ends_on):
        factories.ou_day(ou=factories.root(), day=day)
    monday = datetime.combine(week.next.starts_on, time(6), tzinfo=UTC)
    assert freezing.freeze(organization, week.year, week.week, now=monday) is not None
    # Frozen once, told once.
    freezing.freeze(organization, week.year, week.week, now=monday)
    found = review_pages.snapshot(week=week.next.name, starts_on=week.next.starts_on)
    for line in found["kpis"]:
        line["status"] = "ON_TARGET"
    row = review_rows.weekly_review(week=week.next, snapshot=found, headline="Better.")
    reviews.publish(chair, row, now=monday)
    with pytest.raises(reviews.Published):
        reviews.publish(chair, row, now=monday)
    reviews.add_erratum(chair, row, text="K3 counted one account twice.", now=monday)
    pump(now=monday)
    frozen, published, corrected = receiver.messages
    assert [one["type"] for one in receiver.messages] == kinds
    assert frozen["data"]["week"] == "2026-W47"
    assert "headline" not in frozen["data"]
    assert published["data"]["headline"] == "Better."
    assert published["data"]["published_by"] == "chair"
    assert published["data"]["url"] == "http://localhost:8000/reviews/2026-W48/"
    assert corrected["data"]["erratum"]["text"] == "K3 counted one account twice."


def test_a_collection_that_could_not_read_all_is_told_with_the_missing_permission(
    receiver, organization
):
    webhook(receiver, events=["collection.failed", "collection.partial"])
    for states, kind in [
        (["COMPLETE", "DENIED"], "collection.partial"),
        (["DENIED"], "collection.failed"),
        (["COMPLETE"], None),
    ]:
        receiver.requests.clear()
        collection = factories.collection(state="RUNNING", stage="ROLLUP", finished_at=None)
        for place, state in enumerate(states):
            permission = "securityhub:GetFindings" if state == "DENIED" else ""
            factories.run(
                collection=collection,
                state=state,
                region=f"eu-west-{place}",
                missing_permission=permission,
                started_at=NOW,
                finished_at=NOW,
            )
        collections.finish(collection, now=NOW)
        # A second worker that comes to its end says nothing.
        collections.finish(collection, now=NOW.replace(hour=13))
        pump()
        assert [one["type"] for one in receiver.messages] == ([kind] if kind else [])
        if kind:
            data = receiver.messages[0]["data"]
            assert data["problems"][0]["missing_permission"] == "securityhub:GetFindings"
            assert data["runs"]["DENIED"] == 1


def test_the_secret_and_the_address_lie_sealed(receiver):
    row, secret = webhook(receiver, events=["review.published"])
    kept = Webhook.objects.filter(pk=row.pk).values().get()
    assert kept["host"] == receiver.host
    assert sealing.unseal(kept["secret"]) == secret
    assert sealing.unseal(kept["address"]) == receiver.url
    assert not [text for text in kept.values() if secret in str(text) or "/hook" in str(text)]


def test_only_who_has_the_right_makes_webhooks_and_only_for_themselves(receiver, organization):
    lead = factories.person(role="Security lead", username="lena")
    admin = factories.person(role="Administrator", username="ada")
    engineer = factories.person(role="Security engineer", username="ed")
    service = people.create_service(
        admin, username="bridge", purpose="tickets", role_names=["Auditor"], now=NOW
    )
    assert service.profile.kind == Profile.Kind.SERVICE
    for by, owner in [(engineer, engineer), (lead, admin), (lead, service), (admin, lead)]:
        with pytest.raises(PermissionDenied):
            webhook(receiver, events=["review.published"], by=by, owner=owner)
    made, _ = webhook(receiver, events=["findings.opened"], by=admin, owner=service)
    assert (made.owner, made.created_by) == (service, "ada")
    # An administrator reads no findings, and so neither do their webhooks.
    with pytest.raises(webhooks.Refused, match=r"may not be told of findings\.opened"):
        webhook(receiver, events=["findings.opened"], owner=admin)


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"name": " "}, "name", "1 to 80"),
        ({"name": "x" * 81}, "name", "1 to 80"),
        ({"name": "a\r\nBcc: b"}, "name", "1 to 80"),
        ({"name": "taken"}, "name", "choose another name"),
        ({"events": []}, "events", "choose one event"),
        ({"events": ["findings.eaten"]}, "events", "leave it out"),
        ({"url": "https://example.com/"}, "url", "POSTURE_WEBHOOK_HOSTS"),
        ({"url": "https://169.254.169.254/"}, "url", "POSTURE_WEBHOOK_HOSTS"),
        ({"url": "nonsense"}, "url", "begin with https"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_with_a_remedy(
    receiver, organization, changes, field, says
):
    lead = factories.person(role="Security lead", username="lena")
    webhook(receiver, events=["review.published"], owner=lead, name="taken")
    values = {"name": "one", "url": receiver.url, "events": ["review.published"]} | changes
    with pytest.raises(webhooks.Refused, match=says) as caught:
        webhooks.add(lead, organization, owner=lead, now=NOW, **values)
    assert caught.value.field == field


def test_webhooks_are_seen_by_those_who_manage_them(receiver):
    row, _ = webhook(receiver, events=["review.published"])
    admin = factories.person(role="Administrator", username="ada")
    narrow = review_rows.permitted(factories.stranger(username="nora"), "manage_webhooks")
    assert list(Webhook.objects.visible_to(admin)) == [row]
    assert not Webhook.objects.visible_to(narrow).exists()
    assert not Webhook.objects.visible_to(factories.person(role="Auditor", username="au")).exists()
    with pytest.raises(Webhook.DoesNotExist):
        webhooks.rotate(narrow, row.pk, now=NOW)
