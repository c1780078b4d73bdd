"""An exception from its request to its end, through the browser: asked for by a team, decided by reviewers, put in place by a
platform engineer, found in AWS by real collections, over, still there and red, taken out, and closed.

The sandbox's policy changes in between as by a merged pull request: what is merged is the edit that Parapet offers.
"""

import json
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from invariants.models import ExceptionRequest, Invariant
from inventory.models import Account, Team, TeamMembership
from posture.tasks import exceptions_tick
from tests import factories
from tests.browser import settling
from tests.fixtures import exception_pages, invariant_pages
from tests.fixtures.pipeline import NOW, collect, wait_for

pytestmark = [
    pytest.mark.usefixtures("worker", "assets"),
    pytest.mark.xdist_group("worker"),
]
INVARIANT, POLICY, ACCOUNT = "net-edge", "network-edge", "subscriptions-prod"
LINK = "https://git.halden.example/cloud-platform/policies/pull"
ROLES = {
    "dan": "Team member",
    "priya": "Security engineer",
    "marta": "Security lead",
    "helene": "System owner",
    "rosa": "Platform engineer",
}


class Office:
    """The people, their browsers, and the time that they live in."""

    def __init__(self, url, chromium, client):
        self.url, self.chromium, self.client = url, chromium, client
        self.now = NOW
        self.people = {}
        self.said = []

    @contextmanager
    def at(self, name, path):
        """A page as that person sees it now, in a browser of their own."""
        with time_machine.travel(self.now, tick=True):
            self.client.force_login(self.people[name])
            session = self.client.cookies[settings.SESSION_COOKIE_NAME].value
            context = self.chromium.new_context(viewport={"width": 1440, "height": 1000})
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.url}
            context.add_cookies([cookie])
            page = context.new_page()
            page.on("console", lambda message: self.said.append(message.text))
            page.on("pageerror", lambda error: self.said.append(str(error)))
            settling.watch(page)
            page.goto(self.url + path)
            settling.settle(page)
            try:
                yield page
                settling.settle(page)
            finally:
                context.close()
        self.now += timedelta(minutes=20)

    def tick(self):
        """The beat task of the clock."""
        with time_machine.travel(self.now, tick=True):
            exceptions_tick()


@pytest.fixture
def office(live_server, chromium, client, sandbox):
    found = Office(live_server.url, chromium, client)
    assert collect(as_of=found.now).state == "COMPLETE"
    Invariant.objects.filter(key=INVARIANT).update(state="ENFORCED")
    team = Account.objects.get(name=ACCOUNT).team
    for name, role in ROLES.items():
        person = factories.person(role=role, username=name)
        found.people[name] = person
        if name in ("dan", "helene"):
            TeamMembership.objects.create(team=Team.objects.get(pk=team.pk), user=person)
    yield found
    exception_pages.erase_exceptions()
    invariant_pages.erase_moves()


def detail(request):
    return reverse("exceptions:detail", args=[request.ref])


def decide(page, code, button):
    card = page.locator("#decide")
    card.locator(f"input[name=decision][value={code}]").check()
    card.get_by_role("button", name=re.compile(button)).click()


def text_of(world, name):
    return next(one for one in world.moment().snapshot.policies if one.name == name)


def collect_now(office, sandbox):
    """A collection through the worker, of AWS as it is now."""
    sandbox.clock(office.now)
    assert collect(as_of=office.now).state == "COMPLETE"
    office.now += timedelta(minutes=20)


def the_request():
    return ExceptionRequest.objects.get()


def edit_of(page, office):
    """What the platform engineer downloads and merges."""
    address = reverse("exceptions:edit_file", args=[the_request().ref, "json"])
    answer = page.request.get(office.url + address)
    assert answer.ok, answer.status
    (edit,) = json.loads(answer.text())["edits"]
    return edit


def merge(sandbox, office, edit):
    """The pull request is merged, and the pipeline changes the policy."""
    sandbox.clock(office.now)
    asked = {"PolicyId": edit["policy_id"], "Content": edit["after"]}
    sandbox.world.change("UpdatePolicy", asked, by="")


def ask(office, account_id, role):
    """The team asks, by the form."""
    asking = reverse("exceptions:new", query={"invariant": INVARIANT, "account": account_id})
    with office.at("dan", asking) as page:
        page.get_by_label("What must work?").fill("The vendor's brokers are reached by peering.")
        page.get_by_label("Why not otherwise?").select_option("VENDOR")
        page.get_by_label("When is it no longer needed?").fill("With the endpoint service.")
        page.get_by_label("Who answers for the risk").fill("Helene Caron")
        page.locator("input[name=lasts][value='30']").check()
        page.locator("details.more summary").click()
        page.get_by_label("How AWS is told").select_option("PRINCIPAL_LIST")
        page.get_by_label("Who needs it?").fill(role)
        page.get_by_role("button", name="Send request").click()
        page.wait_for_url(re.compile(r"/exceptions/EX-[0-9]{4}/$"))
    request = the_request()
    assert (request.state, request.requester_id) == ("SUBMITTED", office.people["dan"].pk)
    return request


def review(office, request):
    """One takes it up and assesses it, two others approve it."""
    with office.at("priya", detail(request)) as page:
        decide(page, "triage", "Take it up")
        page.get_by_label("Without what compensates").select_option("MEDIUM")
        page.get_by_label("With it").select_option("MEDIUM")
        page.get_by_label("Why", exact=True).fill("One peer and one role, and all is logged.")
        page.get_by_role("button", name="Assess the risk").click()
        expect(page.locator("#exception")).to_contain_text("risk assessed")
        # Who has assessed it does not approve it.
        expect(page.locator("#decide")).not_to_contain_text("Approve until")
    for name in ("marta", "helene"):
        with office.at(name, detail(request)) as page:
            decide(page, "approve", "Approve until")
            expect(page.locator("#exception")).not_to_contain_text("Awaiting your approval")
    assert the_request().state == "APPROVED"


def work(office, request, *, button, number, becomes):
    """The platform engineer downloads the edit, and says by which pull request it comes."""
    with office.at("rosa", detail(request)) as page:
        edit = edit_of(page, office)
        page.get_by_label("Link of the pull request").fill(f"{LINK}/{number}")
        page.get_by_role("button", name=button).click()
        wait_for(lambda: the_request().state == becomes)
    return edit


def shows(office, request, words, *, is_zombie=False):
    with office.at("dan", detail(request)) as page:
        shown = page.locator("#exception .page-h").first
        expect(shown).to_contain_text(re.compile(words, re.IGNORECASE))
        zombies = shown.locator(".pill.bad", has_text="Zombie")
        expect(zombies).to_have_count(int(is_zombie))


@pytest.mark.django_db(transaction=True)
def test_from_the_request_to_active_and_from_its_end_to_closed(office, sandbox):
    account_id = Account.objects.get(name=ACCOUNT).account_id
    role = f"arn:aws:iam::{account_id}:role/BrokerPeering"
    before = text_of(sandbox.world, POLICY)

    request = ask(office, account_id, role)
    review(office, request)
    edit = work(office, request, button="I put it in place", number=512, becomes="IMPLEMENTING")
    assert edit["policy_id"] == before.policy_id
    collect_now(office, sandbox)
    assert the_request().state == "IMPLEMENTING", "nothing is in AWS yet"
    merge(sandbox, office, edit)
    collect_now(office, sandbox)
    assert the_request().state == "ACTIVE"
    shows(office, request, "active")
    assert role in text_of(sandbox.world, POLICY).content

    # Its last day passes, and nobody takes it out.
    office.now += timedelta(days=31)
    office.tick()
    assert the_request().state == "EXPIRED"
    collect_now(office, sandbox)
    shows(office, request, "expired", is_zombie=True)

    edit = work(office, request, button="I take it out", number=533, becomes="CLOSING")
    merge(sandbox, office, edit)
    collect_now(office, sandbox)
    assert the_request().state == "CLOSED"
    shows(office, request, "closed")
    after = text_of(sandbox.world, POLICY)
    assert json.loads(after.content) == json.loads(before.content)
    assert office.said == []
