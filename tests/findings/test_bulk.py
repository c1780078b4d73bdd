"""Bulk changes of workflow: what is asked first, what is fixed, how it goes, and the way back."""

import re
from contextlib import closing, suppress
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from celery import current_app
from django.contrib.auth.models import Permission

from findings.models import BulkAction, BulkItem, Finding
from findings.queries import bulk
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

BULK = "/findings/bulk/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(autouse=True)
def writable(settings):
    settings.POSTURE_WRITE_BACK = True


@pytest.fixture
def queued(without_worker):
    """Function that takes what waits in the real broker, as (task, arguments)."""

    def queued():
        messages = []
        with (
            current_app.connection_for_read() as connection,
            closing(connection.SimpleQueue("collect")) as queue,
            suppress(queue.Empty),
        ):
            while True:
                message = queue.get_nowait()
                messages.append((message.headers["task"], message.payload[1]))
                message.ack()
        return messages

    queued()
    return queued


@pytest.fixture
def world(db):
    team = factories.team(slug="payments")
    mine = factories.account(team=team, name="payments-api")
    foreign = factories.account(name="web")
    control = factories.control(severity="CRITICAL")
    found = [factories.finding(account=mine, control=control) for _ in range(3)]
    found += [factories.finding(account=foreign, control=control)]
    found += [factories.finding(account=mine, control=control, workflow="NOTIFIED")]
    elsewhere = factories.finding(account=mine, control=control, feed="FILE")
    factories.count_findings()
    return {"team": team, "found": found, "elsewhere": elsewhere, "control": control}


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def chosen(*findings, **filters):
    return urlencode([*filters.items(), *(("finding", finding.pk) for finding in findings)])


def ask(client, selection, *, workflow="SUPPRESSED", note="", expected=None):
    if expected is None:
        page = client.get(f"{BULK}new/?{selection}").content.decode()
        expected = re.search(r'name="expected" value="(\d+)"', page).group(1)
    data = {"selection": selection, "workflow": workflow, "note": note, "expected": expected}
    return client.post(BULK, data)


def end(action, *, failing=()):
    """What the worker leaves behind: AWS has taken all but the failing ones."""
    for item in action.items.select_related("finding"):
        if item.finding in failing:
            item.state, item.error = "FAILED", "FindingNotFound: no such finding"
        else:
            item.state = "DONE"
            Finding.objects.filter(pk=item.finding_id).update(workflow=item.after)
        item.save()
    action.done, action.failed = action.total - len(failing), len(failing)
    action.state, action.finished_at = "PARTIAL" if failing else "COMPLETE", NOW
    action.save()


def items(action):
    return {item.finding_id: (item.before, item.after) for item in action.items.all()}


def test_the_confirmation_says_what_would_happen(engineer, world):
    shown = text(engineer.get(f"{BULK}new/?all=1&severity=CRITICAL"))
    assert "Set the workflow of 6 findings" in shown and "in 2 accounts" in shown
    assert "4 New, 1 Notified" in shown
    assert "1 that is not kept in Security Hub" in shown
    assert "BatchUpdateFindings" in shown and not BulkAction.objects.exists()


def test_a_selection_is_fixed_when_it_is_asked_for(
    engineer, world, queued, django_capture_on_commit_callbacks
):
    first, second, *_ = world["found"]
    with django_capture_on_commit_callbacks(execute=True):
        response = ask(engineer, chosen(first, second, world["elsewhere"]), note="known")
    action = BulkAction.objects.get()
    assert response["Location"] == f"{BULK}{action.pk}/"
    assert items(action) == dict.fromkeys((first.pk, second.pk), ("NEW", "SUPPRESSED"))
    assert (action.total, action.note, action.query) == (2, "known", "")
    assert action.requested_by == factories.security_engineer()
    assert queued() == [("findings.write_back", {"action_id": action.pk})]


def test_all_that_match_are_those_of_the_filters_and_of_the_scope(engineer, client, world):
    ask(engineer, "severity=CRITICAL&all=1", workflow="NOTIFIED")
    action = BulkAction.objects.get()
    # Not the one that is NOTIFIED already, nor the one of a file.
    assert set(items(action)) == {finding.pk for finding in world["found"][:4]}
    assert action.query == "severity=CRITICAL"
    member = factories.team_member(team=world["team"])
    member.user_permissions.add(Permission.objects.get(codename="triage"))
    client.force_login(member)
    ask(client, "all=1")
    theirs = BulkAction.objects.get(requested_by=member)
    assert world["found"][3].pk not in items(theirs) and theirs.total == 4


def test_a_foreign_finding_cannot_be_chosen(client, world):
    member = factories.team_member(team=world["team"])
    member.user_permissions.add(Permission.objects.get(codename="triage"))
    client.force_login(member)
    ask(client, chosen(world["found"][3]), expected="0")
    assert not BulkAction.objects.exists()


def test_a_list_that_changed_in_the_meantime_is_asked_about_again(engineer, world):
    factories.finding(account=world["found"][0].account, control=world["control"])
    response = ask(engineer, "all=1", expected="6")
    assert response.status_code == 422
    assert "The list has changed in the meantime" in text(response)
    assert "7 findings" in text(response) and not BulkAction.objects.exists()


def test_nothing_is_done_where_nothing_would_change(engineer, world):
    response = ask(engineer, chosen(world["found"][4]), workflow="NOTIFIED")
    assert response.status_code == 422 and "None of these findings would change" in text(response)
    assert "No finding was selected" in text(engineer.get(f"{BULK}new/", follow=True))
    assert not BulkAction.objects.exists()


@pytest.mark.parametrize("workflow", ["", "DELETED"])
def test_a_status_that_aws_does_not_know_is_refused(engineer, world, workflow):
    assert ask(engineer, "all=1", workflow=workflow).status_code == 422
    assert not BulkAction.objects.exists()


def test_too_many_are_refused_before_anything_is_done(engineer, world, monkeypatch):
    monkeypatch.setattr(bulk, "MAX_ITEMS", 3)
    shown = text(engineer.get(f"{BULK}new/?all=1"))
    assert "more than 3 findings" in shown and "Write to" not in shown
    assert ask(engineer, "all=1", expected="4").status_code == 422
    assert not BulkAction.objects.exists() and not BulkItem.objects.exists()


def test_where_writing_is_off_the_page_says_how_to_switch_it_on(engineer, world, settings):
    settings.POSTURE_WRITE_BACK = False
    shown = text(engineer.get(f"{BULK}new/?{chosen(world['found'][0])}"))
    assert "POSTURE_WRITE_BACK=1" in shown and "BatchUpdateFindings" in shown
    ask(engineer, "all=1", expected="6")
    assert not BulkAction.objects.exists()


def test_only_people_with_the_permission_may_ask(client, world):
    client.force_login(factories.team_member(team=world["team"]))
    assert "Set workflow" not in text(client.get("/findings/"))
    for method, path in (("get", f"{BULK}new/?all=1"), ("post", BULK), ("get", BULK)):
        assert getattr(client, method)(path).status_code == 403


def test_progress_is_polled_until_the_end(engineer, world):
    ask(engineer, "all=1")
    action = BulkAction.objects.get()
    page = f"{BULK}{action.pk}/"
    running = engineer.get(page, headers=HTMX)
    assert 'hx-trigger="every 1s"' in running.content.decode() and "<html" not in text(running)
    end(action, failing=world["found"][:1])
    over = engineer.get(page, headers=HTMX)
    assert "every 1s" not in over.content.decode()
    assert "5 of 5 sent to AWS, 1 not taken" in text(over)
    assert "FindingNotFound: no such finding" in text(over)
    assert "1 of 5 failed" in over["HX-Trigger"]


def test_an_undo_sets_back_what_nobody_changed_since(engineer, world):
    ask(engineer, "all=1")
    action = BulkAction.objects.get()
    end(action, failing=world["found"][1:2])
    changed_since = world["found"][2]
    Finding.objects.filter(pk=changed_since.pk).update(workflow="RESOLVED")
    page = f"{BULK}{action.pk}/"
    assert "Undo for 3 findings" in text(engineer.get(page))
    response = engineer.post(f"{page}undo/")
    undoing = BulkAction.objects.get(undoes=action)
    assert response["Location"] == f"{BULK}{undoing.pk}/"
    found = world["found"]
    assert items(undoing) == {
        found[0].pk: ("SUPPRESSED", "NEW"),
        found[3].pk: ("SUPPRESSED", "NEW"),
        found[4].pk: ("SUPPRESSED", "NOTIFIED"),
    }
    assert "Was undone" in text(engineer.get(page))
    again = engineer.post(f"{page}undo/", follow=True)
    assert "It has been undone already" in text(again)
    assert BulkAction.objects.count() == 2


def test_a_running_action_and_a_foreign_one_cannot_be_undone(engineer, client, world):
    ask(engineer, "all=1")
    action = BulkAction.objects.get()
    page = f"{BULK}{action.pk}/"
    assert "It is still running" in text(engineer.post(f"{page}undo/", follow=True))
    other = factories.security_engineer(username="another")
    client.force_login(other)
    assert client.get(page).status_code == 404
    assert client.post(f"{page}undo/").status_code == 404


def test_the_way_back_leads_to_the_list_it_came_from(engineer, world):
    page = engineer.get(f"{BULK}new/?severity=CRITICAL&finding=1").content.decode()
    links = re.findall(r'href="(/findings/\?[^"]*)"', page)
    assert parse_qs(urlsplit(links[0]).query) == {"severity": ["CRITICAL"]}


def test_asked_actions_are_listed_for_their_owner(engineer, world):
    assert "Nothing yet" in text(engineer.get(BULK))
    ask(engineer, "all=1", note="<b>bold</b>")
    shown = engineer.get(BULK).content.decode()
    assert "Suppressed" in shown and "&lt;b&gt;bold" in shown and "<b>bold" not in shown
