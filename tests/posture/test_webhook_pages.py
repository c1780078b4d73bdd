"""The pages and the command of webhooks."""

import io
import re

import pytest
import time_machine
from django.core.management import CommandError, call_command

from posture.actions import webhooks
from posture.models import Webhook, WebhookDelivery
from posture.queries import webhooks as queries
from tests import factories
from tests.factories import NOW
from tests.fixtures.audit import entries
from tests.fixtures.receivers import pump, webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
LIST = "/webhooks/"
GONE = ["collection.failed"]


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def user():
    factories.root()
    return factories.person(role="Security lead", username="lena")


@pytest.fixture
def lead(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def worker_at_hand(monkeypatch):
    """What is enqueued is done in the request, as with a worker that waits for it."""
    from posture import tasks  # noqa: PLC0415

    monkeypatch.setattr(
        tasks.webhook_deliver, "delay_on_commit", lambda **names: tasks.webhook_deliver(**names)
    )


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def form(user, receiver, **changes):
    values = {"name": "Ticket bridge", "url": receiver.url, "owner": user.pk}
    return values | {"events": ["findings.opened", "review.published"]} | changes


def address(row, *rest):
    return "/".join([f"/webhooks/{row.pk}", *(str(part) for part in rest), ""])


def test_without_hosts_the_page_says_who_has_to_set_what(lead):
    shown = text(lead.get(LIST))
    assert "No webhook yet" in shown
    assert "POSTURE_WEBHOOK_HOSTS" in shown
    assert lead.post(LIST, {"name": "x"}).status_code == 422


def test_a_webhook_is_added_and_its_secret_shown_once(lead, user, receiver):
    page = text(lead.get(LIST))
    assert f"https, at {receiver.host}." in page
    answer = lead.post(LIST, form(user, receiver))
    assert answer.status_code == 200
    (secret,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode()))
    assert secret == answer.context["made"][1]
    row = Webhook.objects.get()
    assert (row.owner, row.created_by) == (user, "lena")
    for url in (LIST, address(row)):
        shown = lead.get(url).content.decode()
        assert "whsec_" not in shown
        assert "/hook" not in shown.replace("/hooks", "").replace("/webhooks", "")
        assert receiver.host in shown
        assert lead.get(url).headers["Cache-Control"].find("no-store") >= 0
    assert [one.event for one in entries(event="webhook_added")] == ["webhook_added"]
    assert secret not in str([one.changes for one in entries()])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "The name is empty: say who is told."),
        ({"url": ""}, "The address is empty: write one such as https://"),
        ({"url": "https://example.com/x"}, "add it to POSTURE_WEBHOOK_HOSTS"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "POSTURE_WEBHOOK_HOSTS"),
        ({"url": "javascript:alert(1)"}, "should begin with https://"),
        ({"events": []}, "choose one event at least"),
        ({"events": ["findings.eaten"]}, "findings.eaten cannot be chosen"),
        ({"owner": 0}, "That account cannot be chosen"),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_what_was_typed_stays(
    lead, user, receiver, changes, says
):
    answer = lead.post(LIST, form(user, receiver, **changes))
    assert answer.status_code == 422
    assert says in text(answer).replace("&#x27;", "'")
    assert not Webhook.objects.exists()
    kept = changes.get("name", "Ticket bridge")
    assert f'value="{kept}"' in answer.content.decode() or not kept


def test_who_reads_no_findings_is_not_offered_them(client, receiver):
    admin = factories.person(role="Administrator", username="ada")
    client.force_login(admin)
    offered = {one.code for one in client.get(LIST).context["form"].offered}
    assert offered == {"collection.failed", "collection.partial", "invariant.moved"}
    assert client.post(LIST, form(admin, receiver)).status_code == 422


def test_a_test_is_sent_and_how_it_fared_is_shown(lead, user, receiver, worker_at_hand):
    row, _ = webhook(receiver, events=GONE, owner=user, name="Ticket bridge")
    assert "Nothing was sent yet" in text(lead.get(address(row)))
    assert lead.post(address(row, "test"))["Location"] == address(row)
    assert receiver.messages[0]["type"] == "webhook.test"
    shown = text(lead.get(address(row)))
    assert (
        "Test 20 Nov 2026" in shown
        and "evt_" in shown
        and "delivered" in shown
        and "answered 204" in shown
    )
    receiver.status = 500
    lead.post(address(row, "test"))
    shown = text(lead.get(address(row)))
    assert "It answered 500 Internal Server Error." in shown
    assert "again at 20 Nov, 12:0" in shown
    assert "failing" in text(lead.get(LIST))
    assert len(entries(event="webhook_tested")) == 2


def test_what_was_given_up_is_replayed_from_the_page(lead, user, receiver, worker_at_hand):
    receiver.status = 410
    row, _ = webhook(receiver, events=GONE, owner=user)
    lead.post(address(row, "test"))
    shown = text(lead.get(address(row)))
    assert "Switched off by itself." in shown and "It answered 410 Gone." in shown
    (one,) = WebhookDelivery.objects.all()
    lead.post(address(row, "deliveries", one.pk, "replay"))
    assert len(receiver.requests) == 1
    receiver.status = 200
    lead.post(address(row, "switch"), {"on": "1"})
    lead.post(address(row, "replay"), {"since": "week"})
    assert len(receiver.requests) == 2
    lead.post(address(row, "deliveries", one.pk, "replay"))
    assert len(receiver.requests) == 3
    assert "replayed 2" in text(lead.get(address(row)))
    assert lead.post(address(row, "replay"), {"since": "ever"}).status_code == 302
    assert len(receiver.requests) == 3
    assert len(entries(event="webhook_replayed")) == 2


def test_rotating_shows_the_new_secret_once(lead, user, receiver):
    row, old = webhook(receiver, events=GONE, owner=user)
    answer = lead.post(address(row, "rotate"))
    (new,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode()))
    assert new != old
    assert "21 Nov 2026, 12:00 UTC every request is signed with the old secret" in text(answer)
    assert "two, until 21 Nov 2026" in text(lead.get(address(row)))


def test_it_is_switched_off_and_removed(lead, user, receiver):
    row, _ = webhook(receiver, events=GONE, owner=user, name="Ticket bridge")
    lead.post(address(row, "switch"), {"on": "0"})
    assert "switched off" in text(lead.get(LIST))
    answer = lead.post(address(row, "remove"), follow=True)
    assert "Ticket bridge is removed" in text(answer)
    assert lead.get(address(row)).status_code == 404
    for what in ("rotate", "switch", "remove", "test", "replay"):
        assert lead.post(address(row, what), {"since": "day"}).status_code == 404


def test_the_list_of_deliveries_is_a_fragment_that_asks_again_while_a_worker_is_at_it(
    lead, user, receiver
):
    row, _ = webhook(receiver, events=GONE, owner=user)
    webhooks.send_test(user, row.pk, now=NOW)
    fragment = lead.get(address(row), headers={"HX-Request": "true", "HX-Target": "deliveries"})
    assert fragment.content.decode().lstrip().startswith('<section class="card mt" id="deliveries"')
    assert b'hx-trigger="every 2s"' in fragment.content
    assert "HX-Request" in fragment["Vary"]
    pump()
    assert b"hx-trigger" not in lead.get(address(row)).content.split(b'id="deliveries"')[1]


def test_pages_cost_the_same_for_one_webhook_and_many(
    lead, user, receiver, django_assert_num_queries
):
    row, _ = webhook(receiver, events=GONE, owner=user)
    webhooks.send_test(user, row.pk, now=NOW)
    with django_assert_num_queries(1):
        assert len(queries.webhooks(user, now=NOW)) == 1
    for _ in range(20):
        webhooks.send_test(user, row.pk, now=NOW)
        webhook(receiver, events=GONE, owner=user)
    with django_assert_num_queries(1):
        assert len(queries.webhooks(user, now=NOW)) == 21
    with django_assert_num_queries(2):
        page = queries.webhook(user, row.pk, now=NOW)
    assert page.webhook.waiting == len(page.deliveries.rows) == 21


def test_deliveries_are_paged_by_key(lead, user, receiver):
    row, _ = webhook(receiver, events=GONE, owner=user)
    for _ in range(60):
        webhooks.send_test(user, row.pk, now=NOW)
    first = lead.get(address(row))
    assert len(first.context["page"].deliveries.rows) == 50
    rest = lead.get(f"{address(row)}?{first.context['next_query']}")
    assert len(rest.context["page"].deliveries.rows) == 10


def test_hostile_names_are_text(lead, user, receiver):
    bad = "<script>alert(1)</script>"
    row, _ = webhook(receiver, events=GONE, owner=user, name=bad)
    for url in (LIST, address(row)):
        shown = lead.get(url).content.decode()
        assert bad not in shown
        assert "&lt;script&gt;" in shown


def test_the_command_lists_and_replays(user, receiver, monkeypatch):
    from posture import tasks  # noqa: PLC0415

    monkeypatch.setattr(
        tasks.webhook_deliver, "delay", lambda **names: tasks.webhook_deliver(**names)
    )
    out = io.StringIO()
    call_command("webhooks", stdout=out)
    assert out.getvalue() == "There are no webhooks.\n"
    receiver.status = 410
    row, _ = webhook(receiver, events=GONE, owner=user, name="Ticket bridge")
    webhooks.send_test(user, row.pk, now=NOW)
    pump()
    out = io.StringIO()
    call_command("webhooks", stdout=out)
    assert out.getvalue() == (
        f"Ticket bridge: {receiver.host}, as lena, off (It answered 410 Gone.); "
        "0 waiting, 1 given up\n"
    )
    with pytest.raises(CommandError, match="switched off"):
        call_command("webhooks", "--replay", "Ticket bridge")
    with pytest.raises(CommandError, match="no webhook"):
        call_command("webhooks", "--replay", "another")
    receiver.status = 200
    webhooks.switch(user, row.pk, on=True, now=NOW)
    call_command("webhooks", "--replay", "Ticket bridge", "--hours", "1", stdout=io.StringIO())
    assert len(receiver.requests) == 2
    assert WebhookDelivery.objects.get().state == "DELIVERED"
