"""The quarantine page: what is held, why, what came, and trying again."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from findings import ingest, tasks
from findings.models import Finding, QuarantinedFinding, UpkeepRun
from findings.queries import quarantine
from findings.views import quarantine as page
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

PAGE = "/findings/quarantine/"
RETRY = "/findings/quarantine/retry/"
PROGRESS = "/findings/quarantine/progress/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


@pytest.fixture
def sent(monkeypatch):
    """The tasks that a page sends, in place of the broker."""
    sent = []
    monkeypatch.setattr(
        "findings.views.quarantine.current_app.send_task",
        lambda name, kwargs: sent.append((name, kwargs)),
    )
    return sent


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def links(response):
    found = re.findall(r'href="([^"]+)"', response.content.decode())
    return [link.replace("&amp;", "&") for link in found]


def test_what_is_held_is_counted_by_source_and_reason_most_first(engineer):
    for source, reason in [("FILE", "Id: is missing."), ("QUEUE", "no JSON"), ("QUEUE", "no JSON")]:
        factories.quarantined(source=source, reason=reason)
    words = text(engineer.get(PAGE))
    assert "3 held findings" in words
    assert words.index("no JSON") < words.index("Id: is missing.")
    assert "EventBridge queue" in words and "imported files" in words


def test_a_reason_leads_to_its_findings_and_each_to_what_came(engineer):
    reason = 'Severity: "a&b" is no label. Use one.'
    held = factories.quarantined(
        reason=reason,
        source_id="arn:broken",
        payload={"Id": "arn:broken", "evil": "<script>alert(1)</script>"},
        shape="ocsf",
        context={"analyzer_arn": "arn:analyzer"},
        retries=3,
        last_seen_at=NOW - timedelta(hours=2),
    )
    factories.quarantined(reason="something else", source_id="other-id")
    (link,) = [link for link in links(engineer.get(PAGE)) if "reason=Severity" in link]
    listed = engineer.get(link)
    assert "arn:broken" in text(listed) and "other-id" not in text(listed)
    url = reverse("findings:quarantined", args=[held.pk])
    assert url in links(listed)
    response = engineer.get(url)
    words = text(response)
    for part in ("arn:broken", "ocsf", "arn:analyzer", "3 times", "2 h ago", "1 days ago"):
        assert part in words or part == "1 days ago"
    assert "<script>alert" not in response.content.decode()
    assert "data-copy=" in response.content.decode()


def test_an_empty_quarantine_says_so_and_has_nothing_to_try(engineer):
    words = text(engineer.get(PAGE))
    assert "Nothing is in quarantine" in words and "Try again" not in words


def test_a_reason_that_nothing_is_held_for_any_more_says_so(engineer):
    assert "None of these is held any more" in text(engineer.get(f"{PAGE}?reason=gone"))


@pytest.mark.parametrize(
    "query", ["?source=%00", "?reason=%00", "?source=" + "x" * 99, "?cursor=zz&source=FILE"]
)
def test_nonsense_in_the_address_is_no_error(engineer, query):
    factories.quarantined()
    assert engineer.get(PAGE + query).status_code == 200


def test_many_held_findings_are_paged_by_key(engineer):
    for _ in range(quarantine.PAGE_SIZE + 3):
        factories.quarantined(source="FILE", reason="same")
    first = engineer.get(f"{PAGE}?source=FILE&reason=same")
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first.content.decode())
    second = engineer.get(following.replace("&amp;", "&"))
    assert second.content.decode().count('<a class="t mono') == 3
    assert 'rel="prev"' in second.content.decode()


@pytest.mark.parametrize("url", [PAGE, PROGRESS, f"{PAGE}1/"])
@pytest.mark.parametrize("who", ["member", "stranger"])
def test_only_those_who_see_the_whole_organisation_see_it(client, url, who):
    factories.quarantined()
    team = factories.team()
    people = {"member": factories.team_member(team=team), "stranger": factories.stranger()}
    client.force_login(people[who])
    assert client.get(url).status_code == 403


def test_somebody_who_may_not_collect_cannot_try_again(client):
    factories.quarantined()
    client.force_login(factories.person(role="Auditor"))
    assert "Try again" not in text(client.get(PAGE))
    assert client.post(RETRY).status_code == 403
    assert not UpkeepRun.objects.exists()


def test_somebody_who_may_collect_but_sees_a_part_cannot_try_again_either(client):
    member = factories.person(role="Team member", username="partial")
    member.user_permissions.add(Permission.objects.get(codename="collect_now"))
    client.force_login(member)
    assert client.post(RETRY).status_code == 403


def test_a_held_finding_that_is_not_there_is_not_found(engineer):
    for pk in (999_999, 2**63):
        assert engineer.get(f"{PAGE}{pk}/").status_code == 404


def test_trying_again_asks_a_worker_once_and_shows_how_it_goes(
    engineer, sent, django_capture_on_commit_callbacks
):
    factories.quarantined()
    with django_capture_on_commit_callbacks(execute=True):
        response = engineer.post(RETRY, headers=HTMX)
        engineer.post(RETRY, headers=HTMX)
    run = UpkeepRun.objects.get()
    assert sent == [("findings.retry_quarantine", {"run_id": run.pk})]
    assert run.requested_by == "security-engineer"
    assert 'hx-trigger="every 2s"' in response.content.decode()
    assert "waiting for a worker" in text(response)


def test_without_scripts_trying_again_leads_back_to_the_page(
    engineer, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = engineer.post(RETRY)
    assert (response.status_code, response["Location"]) == (302, PAGE)
    assert "waiting for a worker" in text(engineer.get(PAGE))


def test_the_task_that_the_page_asks_for_exists():
    assert tasks.retry_quarantine.name == page.RETRY_TASK


def asked(minutes=0):
    at = NOW - timedelta(minutes=minutes)
    return UpkeepRun.objects.ask(UpkeepRun.Kind.RETRY_QUARANTINE, now=at, by="priya")


def test_a_round_that_no_worker_takes_is_named(engineer):
    asked(minutes=1)
    assert "No worker has taken it yet" in text(engineer.get(PROGRESS))


def test_a_round_whose_worker_is_lost_is_not_polled_for_ever(engineer):
    run = asked(minutes=40)
    UpkeepRun.objects.filter(pk=run.pk).update(state="RUNNING")
    response = engineer.get(PROGRESS)
    assert "came to no end" in text(response) and "hx-trigger" not in response.content.decode()


def test_the_end_of_a_round_is_told_once_with_its_numbers(engineer):
    run = UpkeepRun.objects.claim(asked().pk, now=NOW)
    assert "HX-Trigger" not in engineer.get(PROGRESS)
    run.end(UpkeepRun.State.COMPLETE, now=NOW, counts={"taken_in": 1200, "kept": 3, "gone": 0})
    response = engineer.get(PROGRESS)
    trigger = json.loads(response["HX-Trigger"])
    assert trigger["toast"]["text"] == "Read again: 1,200 taken in, 3 kept"
    assert trigger["retried"] is True
    assert "hx-trigger" not in response.content.decode()


def test_a_round_that_failed_says_so(engineer):
    run = UpkeepRun.objects.claim(asked().pk, now=NOW)
    run.end(UpkeepRun.State.FAILED, now=NOW, error="Stopped by OSError.")
    response = engineer.get(PROGRESS)
    assert json.loads(response["HX-Trigger"])["toast"]["kind"] == "bad"
    assert "could not be read again: Stopped by OSError." in text(response)


def test_the_round_takes_in_what_can_be_read_by_now(engineer):
    """A finding of an account that the inventory did not have, and has since."""
    payload = {
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws:securityhub:eu-west-1:200000000009:finding/1",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "GeneratorId": "security-control/S3.8",
        "AwsAccountId": "200000000009",
        "Region": "eu-west-1",
        "CreatedAt": "2026-11-01T10:00:00Z",
        "UpdatedAt": "2026-11-19T10:00:00Z",
        "Title": "Buckets should be private",
        "Description": "x",
        "Severity": {"Label": "HIGH"},
        "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.8"},
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::lake"}],
    }
    factories.quarantined(source_id=payload["Id"], payload=payload, reason="account unknown")
    factories.quarantined(source_id="hopeless", payload={"Id": "hopeless"})
    factories.account(account_id="200000000009")
    run = asked()
    tasks.retry_quarantine(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "COMPLETE"
    assert Finding.objects.get().status == "OPEN"
    assert QuarantinedFinding.objects.get().source_id == "hopeless"
    assert "Read again" in text(engineer.get(PAGE))


def test_a_round_is_done_once_though_its_task_is_delivered_twice(monkeypatch):
    factories.organization()
    calls = []
    monkeypatch.setattr(
        ingest, "retry_quarantine", lambda organization, as_of: calls.append(1) or {"kept": 2}
    )
    run = asked()
    tasks.retry_quarantine(run_id=run.pk)
    assert tasks.retry_quarantine(run_id=run.pk) is None
    assert calls == [1]
    run.refresh_from_db()
    assert run.counts == {"kept": 2}


def test_the_sync_page_shows_how_many_are_held_and_leads_there(engineer):
    for _ in range(3):
        factories.quarantined(reason="UpdatedAt: is missing.")
    response = engineer.get("/sync/")
    assert "UpdatedAt: is missing." in text(response) and "3 findings" in text(response)
    assert any(link.startswith(PAGE) for link in links(response))
