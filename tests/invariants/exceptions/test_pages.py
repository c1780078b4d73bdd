"""The inbox and the page of a request: who sees what, who decides, and what is said when it is refused."""

from datetime import timedelta

import pytest
from django.urls import reverse

from invariants.actions import exceptions as actions
from invariants.models import ExceptionEvent, ExceptionMismatch
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions import inbox as inbox_queries
from invariants.queries.exceptions import page as details
from invariants.queries.exceptions import timeline, waiting
from invariants.queries.exceptions.inbox_items import Filters
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import LINK, WHY, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(time_machine):
    built = worlds.build()
    time_machine.move_to(built.now, tick=False)
    return built


@pytest.fixture
def visit(client, world):
    """Function that opens an address as one of the world's people."""

    def visit(name, address, *, data=None, **headers):
        client.force_login(world.people[name])
        if data is None:
            return client.get(address, headers=headers)
        return client.post(address, data, headers=headers)

    return visit


def page_of(request, **query):
    return reverse("exceptions:detail", args=[request.ref], query=query)


def step_of(request, verb):
    return reverse("exceptions:step", args=[request.ref, verb])


def seen(request):
    return request.events.order_by("-number").values_list("number", flat=True)[0]


def test_the_inbox_shows_what_waits_for_whom_by_what_is_due_first(world, visit):
    later = world.assessed(title="Second in line")
    world.later(hours=-3)
    first = world.assessed(title="First in line")
    world.later(hours=3)
    draft = world.drafted(title="Nobody sees this yet")
    text = visit("lead", reverse("exceptions:inbox")).content.decode()
    assert text.index(first.title) < text.index(later.title)
    assert draft.title not in text
    nothing = visit("implementer", reverse("exceptions:inbox", query={"tab": "decide"}))
    assert b"Nothing waits for you" in nothing.content
    everything = visit("implementer", reverse("exceptions:inbox", query={"tab": "all"}))
    assert later.title.encode() in everything.content


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "curated"}, True),
        ({"q": "EX-0001"}, True),
        ({"q": "nothing of this"}, False),
        ({"state": "ACTIVE"}, False),
        ({"risk": "LOW"}, True),
        ({"risk": "HIGH"}, False),
        ({"standing": "zombie"}, False),
        ({"account": "999999999999"}, True),
        ({"state": "no such"}, True),
    ],
)
def test_filters_narrow_and_what_is_no_filter_is_said(world, visit, query, found):
    request = world.submitted()
    answer = visit("lead", reverse("exceptions:inbox", query={"tab": "all"} | query))
    assert answer.status_code == 200
    assert (request.title.encode() in answer.content) is found


def test_long_lists_go_on_and_back(world, visit):
    for number in range(32):
        world.submitted(title=f"Request number {number:02d}")
    first = visit("lead", reverse("exceptions:inbox"))
    page = first.context["found"].page
    assert (len(page.rows), bool(page.next_cursor), page.previous_cursor) == (30, True, "")
    second = visit("lead", reverse("exceptions:inbox", query={"cursor": page.next_cursor}))
    assert [row.title for row in second.context["found"].page.rows] == [
        "Request number 30",
        "Request number 31",
    ]
    assert first.context["shell"].exceptions_to_decide == 32


def difference(world, kind, *, exception=None, owner_part, severity="HIGH", hours=8, **changes):
    """One that a collection saw, due in so many hours."""
    return ExceptionMismatch.objects.create(
        **{
            "organization": world.account.organization,
            "kind": kind,
            "key": f"{factories.number():064d}",
            "exception": exception,
            "accounts": 1,
            "severity": severity,
            "owner_part": owner_part,
            "owner": "Whoever it is",
            "summary": f"{kind} of this",
            "remedy": "Put it right.",
            "first_seen": world.now - timedelta(days=3),
            "last_seen": world.now,
            "due_at": world.now + timedelta(hours=hours),
        }
        | changes
    )


class TestDifferences:
    """Where AWS and what was approved differ, as lines among the requests."""

    def lines(self, visit, name, **query):
        answer = visit(name, reverse("exceptions:inbox", query=query))
        found = answer.context["found"]
        assert answer.context["shell"].exceptions_to_decide == found.counts["decide"]
        return [(row.title, row.is_item) for row in found.page.rows], found

    def test_they_stand_among_requests_by_clock_and_severity(self, world, visit):
        request = world.assessed(title="A request", severity="LOW")
        fresh(request)
        due = request.due_at
        owner = {"exception": world.active(), "cause": "POLICY", "owner_part": "APPROVER"}
        difference(world, "RE_REVIEW", **owner, severity="LOW", due_at=due, summary="Same clock")
        difference(
            world, "RE_REVIEW", **owner | {"cause": "VALUE"}, severity="LOW", summary="First"
        )
        difference(
            world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", due_at=due, summary="Graver"
        )
        found, inbox = self.lines(visit, "lead")
        assert found == [
            ("First", True),
            ("Graver", True),
            ("A request", False),
            ("Same clock", True),
        ]
        assert inbox.counts["decide"] == 4
        everything, inbox = self.lines(visit, "lead", tab="all")
        assert everything[:4] == found
        assert inbox.open_items == sum(is_item for _, is_item in everything) == 3

    def test_each_says_whose_it_is_for_how_long_and_what_helps(self, world, visit):
        row = difference(world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", owner="network")
        answer = visit("assessor", reverse("exceptions:inbox"))
        text = answer.content.decode()
        for words in (
            "NOT_APPROVED of this",
            "network",
            "seen for 3 d",
            "Put it right.",
            "due in 8 h",
        ):
            assert words in text
        assert reverse("exceptions:item", args=[row.pk]) in text

    @pytest.mark.parametrize(
        ("kind", "part", "cause", "waits_for"),
        [
            ("NOT_APPROVED", "INVARIANT_OWNER", "", {"assessor", "lead"}),
            ("NOT_DEPLOYED", "REQUESTER", "", {"requester"}),
            ("NOT_DEPLOYED", "PLATFORM", "", {"implementer"}),
            ("ZOMBIE", "PLATFORM", "", {"implementer", "assessor", "lead"}),
            ("ZOMBIE", "IMPLEMENTER", "", {"implementer"}),
            ("RE_REVIEW", "APPROVER", "OU_MOVE", {"lead", "ciso"}),
        ],
    )
    def test_each_waits_for_whoever_owns_it(self, world, kind, part, cause, waits_for):
        request = None if kind == "NOT_APPROVED" else world.active()
        row = difference(
            world, kind, exception=request, owner_part=part, cause=cause, severity="LOW"
        )
        found = {
            name
            for name, person in world.people.items()
            if waiting.items_for(person, now=world.now).filter(pk=row.pk).exists()
        }
        assert found == waits_for

    def test_where_whoever_put_it_in_place_may_no_longer_another_one_takes_it_out(self, world):
        row = difference(world, "ZOMBIE", exception=world.active(), owner_part="IMPLEMENTER")
        lead = world.people["lead"]
        assert row not in waiting.items_for(lead, now=world.now)
        world.people["implementer"].groups.clear()
        assert row in waiting.items_for(lead, now=world.now)

    def test_the_team_that_the_invariant_names_is_waited_for(self, world):
        row = difference(world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", owner="network")
        person = world.people["implementer"]
        assert row not in waiting.items_for(person, now=world.now)
        factories.team(slug="network").teammembership_set.create(user=person)
        assert row in waiting.items_for(person, now=world.now)

    def test_a_request_and_what_a_collection_says_of_it_count_once(self, world, visit):
        request = world.approved()
        assert self.lines(visit, "implementer")[0] == [(request.title, False)]
        row = difference(world, "NOT_DEPLOYED", exception=request, owner_part="PLATFORM")
        found, inbox = self.lines(visit, "implementer")
        assert (found, inbox.counts["decide"]) == ([(row.summary, True)], 1)
        revoked = world.active()
        actions.revoke(world.by("requester"), revoked.pk, why=WHY, now=world.now)
        zombie = difference(
            world, "ZOMBIE", exception=revoked, owner_part="IMPLEMENTER", hours=9, severity="LOW"
        )
        assert self.lines(visit, "implementer")[0] == [(row.summary, True), (zombie.summary, True)]
        # To others who could remove it the request says so.
        assert (revoked.title, False) in self.lines(visit, "assessor")[0]

    def test_page_inbox_and_api_count_alike(self, world, visit):
        request = world.approved()
        world.assessed()
        difference(world, "NOT_DEPLOYED", exception=request, owner_part="PLATFORM")
        difference(world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", account=world.account)
        difference(world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", ended_at=world.now)
        for name in ("lead", "implementer", "colleague", "requester"):
            _, found = self.lines(visit, name, tab="all")
            page = visit(name, reverse("exceptions:reconciliation")).context["found"]
            told = visit(name, "/api/v1/exceptions/differences/").json()
            assert found.open_items == page.total == told["total"] == len(told["results"])
            mine = visit(name, "/api/v1/exceptions/differences/?waiting=true").json()["total"]
            waits = visit(name, "/api/v1/exceptions/?waiting=true").json()["results"]
            assert found.counts["decide"] == mine + len(waits)
        ended = visit("lead", "/api/v1/exceptions/differences/?standing=ended").json()["results"]
        assert [(one["kind"], bool(one["ended_at"])) for one in ended] == [("NOT_APPROVED", True)]

    def test_long_lists_go_on_and_back_through_both(self, world, visit):
        for number in range(20):
            world.submitted(title=f"Request {number:02d}")
            difference(
                world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", summary=f"Item {number:02d}",
                hours=number,
            )  # fmt: skip
        whole = [row.title for row in inbox_of(world, "lead", tab="all", size=99).page.rows]
        assert len(whole) == 40
        for tab in ("all", "decide"):
            whole = [row.title for row in inbox_of(world, "lead", tab=tab, size=99).page.rows]
            read, cursor = [], ""
            while True:
                page = inbox_of(world, "lead", tab=tab, cursor=cursor, size=7).page
                read += [row.title for row in page.rows]
                if not page.next_cursor:
                    break
                cursor = page.next_cursor
            assert read == whole
            back = page.previous_cursor
            before = inbox_of(world, "lead", tab=tab, cursor=back, size=7).page
            assert [row.title for row in before.rows] == whole[28:35]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "network"}, True),
            ({"q": "nothing of this"}, False),
            ({"risk": "HIGH"}, True),
            ({"risk": "LOW"}, False),
            ({"standing": "zombie"}, False),
            ({"state": "ACTIVE"}, False),
            ({"account": True}, True),
        ],
    )
    def test_filters_narrow_them_as_well(self, world, visit, query, found):
        row = difference(
            world, "NOT_APPROVED", owner_part="INVARIANT_OWNER", owner="network",
            account=world.account,
        )  # fmt: skip
        if "account" in query:
            query = {"account": world.account.account_id}
        lines, _ = self.lines(visit, "lead", tab="all", **query)
        assert ((row.summary, True) in lines) is found

    def test_one_opens_beside_the_list_with_its_step(self, world, visit):
        request = world.active()
        row = difference(
            world, "RE_REVIEW", exception=request, owner_part="APPROVER", cause="POLICY"
        )
        url = reverse("exceptions:item", args=[row.pk])
        page = visit("ciso", url).content.decode()
        assert "I have looked at it again" in page and request.ref in page
        pane = visit("ciso", url, hx_request="true", hx_target="exception").content.decode()
        assert "RE_REVIEW of this" in pane and "ex-list" not in pane
        done = visit("ciso", reverse("exceptions:looked_again", args=[row.pk]),
                     data={"note": WHY, "back": "inbox"})  # fmt: skip
        assert done.url == reverse("exceptions:inbox")
        row.refresh_from_db()
        assert row.answer == WHY

    def test_who_does_not_see_it_finds_no_such_difference(self, world, visit, client):
        row = difference(world, "NOT_APPROVED", owner_part="INVARIANT_OWNER")
        address = reverse("exceptions:item", args=[row.pk])
        assert visit("colleague", address).status_code == 404
        assert visit("lead", reverse("exceptions:item", args=[2**70])).status_code == 404
        assert self.lines(visit, "colleague", tab="all")[0] == []


def inbox_of(world, name, *, tab, cursor="", size):
    return inbox_queries.inbox(
        world.people[name], Filters(tab=tab), cursor_text=cursor, now=world.now,
        today=world.now.date(), size=size,
    )  # fmt: skip


def test_a_page_costs_the_same_for_many_requests(world, visit, django_assert_max_num_queries):
    request = world.assessed()
    visit("lead", page_of(request))
    with django_assert_max_num_queries(70):
        visit("lead", page_of(request))


@pytest.mark.parametrize("name", worlds.ROLES)
def test_everybody_who_sees_it_reads_it(world, visit, name):
    answer = visit(name, page_of(world.assessed()))
    assert answer.status_code == 200
    assert b"The partner cannot use access grants" in answer.content


def test_who_sees_none_of_its_accounts_finds_no_such_request(world, client):
    request = world.active()
    client.force_login(factories.person(role="Team member", username="stranger"))
    assert client.get(page_of(request)).status_code == 404
    assert client.post(step_of(request, "revoke"), {"comment": WHY}).status_code == 404
    assert request.title.encode() not in client.get(reverse("exceptions:inbox")).content


def test_places_of_others_are_counted_and_never_named(world, visit):
    other = factories.account(name="zanzi-prod", ou=factories.ou(), team=factories.team(slug="z"))
    colleague = world.people["colleague"]
    request = world.drafted()
    world.people["requester"].team_memberships.create(team=other.team)
    places = [actions.Line(ScopeKind.ACCOUNT, one.account_id) for one in (world.account, other)]
    arn = f"arn:aws:iam::{other.account_id}:role/zanzi-reader"
    lines = [*places, actions.Line(ScopeKind.PRINCIPAL, arn)]
    by = world.by("requester")
    by.user.__dict__.pop("_scope", None)
    actions.set_scope(by, request.pk, lines, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    text = visit("colleague", page_of(request)).content.decode()
    assert world.account.account_id[:4] in text
    assert "zanzi" not in text
    assert other.account_id not in text
    assert "2 lines that you do not see" in text
    assert colleague.is_active
    assert "zanzi-prod" in visit("lead", page_of(request)).content.decode()


def test_from_submitted_to_its_removal_by_pages_alone(world, visit):
    request = world.submitted(mechanism="PRINCIPAL_LIST")

    def take(name, verb, **data):
        answer = visit(name, step_of(request, verb), data={"seen": seen(request)} | data)
        assert answer.status_code == 302, answer.content.decode()[:4000]
        return fresh(request).state

    assert take("assessor", "decide", decision="triage") == "TRIAGED"
    risk = {"inherent": "MEDIUM", "residual": "MEDIUM", "comment": WHY}
    assert take("assessor", "assess", **risk) == "RISK_ASSESSED"
    assert take("lead", "decide", decision="approve") == "RISK_ASSESSED"
    until = fresh(request).asked_until - timedelta(days=20)
    less = {"decision": "less", "until": until.isoformat(), "comment": "Until access grants ship."}
    assert take("owner", "decide", **less) == "APPROVED"
    assert fresh(request).until == until
    assert take("implementer", "implement", link=LINK) == "IMPLEMENTING"
    world.looked(request, True)
    assert take("lead", "revoke", comment="The partner has left us.") == "REVOKED"
    assert take("implementer", "remove", link=LINK) == "CLOSING"
    kept = request.events.filter(who_kind="PERSON").exclude(via="PAGE")
    assert not kept.exists()


@pytest.mark.parametrize(
    ("name", "verb", "data", "words"),
    [
        ("requester", "decide", {"decision": "approve"}, "cannot do this"),
        ("assessor", "decide", {"decision": "approve"}, "assessor of the risk of this record"),
        ("executive", "decide", {"decision": "approve"}, "you have no right to approve as such"),
        ("lead", "decide", {"decision": "reject", "comment": "no"}, "Write why"),
        ("lead", "decide", {"decision": "less"}, "Give an earlier last day"),
        ("lead", "decide", {"decision": "less", "until": "2031-01-01"}, "It can last until"),
        ("lead", "decide", {"decision": "less", "until": "soon"}, "Give the last day as a date"),
        ("lead", "decide", {}, "Choose what you decide"),
        ("lead", "triage", {}, "it is risk assessed"),
        ("lead", "assess", {"inherent": "LOW"}, "Say how high the risk is"),
        ("implementer", "implement", {"link": LINK}, "it is risk assessed"),
        ("colleague", "withdraw", {}, "Only who asked for it"),
    ],
)
def test_a_refusal_says_why_and_keeps_the_words(world, visit, name, verb, data, words):
    request = world.assessed()
    kept = {"comment": "Words that took me long to write."} | data
    answer = visit(name, step_of(request, verb), data=kept)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert words in text
    assert fresh(request).state == "RISK_ASSESSED"
    assert (kept["comment"] in text) is (name in ("lead", "assessor"))


def test_what_somebody_else_decided_meanwhile_is_said_and_nothing_is_done(world, visit):
    request = world.assessed(risk="MEDIUM")
    before = seen(request)
    visit("lead", step_of(request, "request-changes"), data={"comment": "Name the role, please."})
    late = {"decision": "approve", "seen": before, "comment": "Fine with me, go on."}
    answer = visit("owner", step_of(request, "decide"), data=late)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Somebody was faster" in text
    assert "asked for changes" in text
    assert "Name the role, please." in text
    assert fresh(request).state == "CHANGES_REQUESTED"
    # A comment decides nothing, and holds nobody up.
    other = world.assessed()
    number = seen(other)
    actions.comment(world.by("requester"), other.pk, "Any news?", now=world.now)
    given = {"decision": "approve", "seen": number}
    assert visit("lead", step_of(other, "decide"), data=given).status_code == 302


def test_less_is_approved_with_a_narrower_scope(world, visit):
    region = [f"REGION {name}" for name in ("eu-west-1", "eu-central-1")]
    back = world.submitted()
    actions.request_changes(world.by("lead"), back.pk, why=WHY, now=world.now)
    lines = [actions.Line(ScopeKind.ACCOUNT, world.account.account_id)]
    lines += [actions.Line(ScopeKind.REGION, one.split()[1]) for one in region]
    actions.set_scope(world.by("requester"), back.pk, lines, now=world.now)
    actions.submit(world.by("requester"), back.pk, now=world.now)
    actions.triage(world.by("assessor"), back.pk, now=world.now)
    view = actions.RiskView(worlds.Risk.LOW, worlds.Risk.LOW, WHY)
    actions.assess(world.by("assessor"), back.pk, view, now=world.now)
    less = {"decision": "less", "drop": [region[0]], "comment": "One Region is enough."}
    answer = visit("lead", step_of(back, "decide"), data=less)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    assert fresh(back).state == "APPROVED"
    assert list(back.scope.filter(kind="REGION").values_list("value", flat=True)) == [
        "eu-central-1"
    ]
    both = {"decision": "less", "drop": ["REGION eu-central-1"], "comment": "None at all."}
    assert visit("lead", step_of(back, "decide"), data=both).status_code == 422


def test_a_link_of_a_mail_asks_for_sign_in_and_decides_nothing(world, client):
    request = world.assessed()
    address = page_of(request, decide="reject")
    away = client.get(address)
    assert away.status_code == 302
    assert away.url.startswith(reverse("account_login"))
    assert "next=/exceptions/EX-" in away.url
    assert "decide%3Dreject" in away.url
    # With a session that has ended, a form leads back to where it stands, not to where it is sent.
    site = "http://testserver"
    sent = client.post(step_of(request, "reject"), headers={"Referer": f"{site}{address}"})
    assert sent.url == away.url
    other = client.post(step_of(request, "reject"), headers={"Referer": "https://evil.example/x"})
    assert "evil" not in other.url
    client.force_login(world.people["lead"])
    text = client.get(address).content.decode()
    assert 'value="reject" required checked' in text
    assert fresh(request).state == "RISK_ASSESSED"
    assert client.get(step_of(request, "reject")).status_code == 405


def test_an_emergency_is_marked_and_granted_with_what_follows(world, visit):
    request = world.submitted(is_emergency=True, title="Failover cannot assume its role")
    assert "Emergency" in visit("lead", reverse("exceptions:inbox")).content.decode()
    page = visit("lead", page_of(request)).content.decode()
    assert "Asked for as an emergency" in page
    given = {"decision": "grant", "comment": "The site is down, go ahead.", "seen": seen(request)}
    assert visit("lead", step_of(request, "decide"), data=given).status_code == 302
    text = visit("assessor", page_of(request)).content.decode()
    assert "Granted in an emergency" in text
    # Whoever is asked to assess is not told beside it that it is not for them.
    assert "Awaiting your assessment" in text
    assert "Not for you" not in text
    assert "It ends by itself on" in text


def test_a_zombie_is_red_in_the_list_and_on_its_page(world, visit, time_machine):
    request = world.active()
    actions.revoke(world.by("lead"), request.pk, why=WHY, now=world.later(hours=1))
    world.later(hours=1)
    world.looked(request, True)
    text = visit("implementer", reverse("exceptions:inbox")).content.decode()
    assert 'class="zombie"' in text
    page = visit("implementer", page_of(request)).content.decode()
    assert "still in place in AWS" in page
    assert "I take it out" in page
    lingers = ExceptionEvent(verb="LINGER", who_kind="COLLECTION", at=world.now)
    assert [node.kind for node in timeline.past([lingers])] == ["bad"]
    time_machine.move_to(world.later(hours=1), tick=False)
    taken_out = {"link": LINK, "seen": seen(request)}
    assert visit("implementer", step_of(request, "remove"), data=taken_out).status_code == 302
    assert shown(world, request).wait.owners[0].names == ("the next collection",)
    world.later(hours=1)
    world.looked(request, True)
    # It was said to be removed and is not: it waits for people again, not for more collections.
    waited_for = shown(world, request).wait.owners[0].names
    assert world.people["implementer"].get_full_name() in waited_for
    world.later(hours=1)
    world.looked(request, False)
    assert fresh(request).state == "CLOSED"
    assert "found removed" in visit("lead", page_of(request)).content.decode()


def shown(world, request):
    """The page as the lead reads it."""
    return details.page_of(world.people["lead"], fresh(request), now=world.now)


def test_what_was_refused_does_not_lapse(world):
    request = world.submitted()
    assert shown(world, request).lapse is not None
    actions.reject(world.by("assessor"), request.pk, why=WHY, now=world.now)
    assert shown(world, request).lapse is None


@pytest.mark.parametrize("role", ["Auditor", "Administrator"])
def test_who_only_reads_is_offered_nothing_and_refused_everything(world, client, role):
    request = world.assessed()
    client.force_login(factories.person(role=role, username=f"reader-{role}"))
    text = client.get(page_of(request)).content.decode()
    for name in ("decide", "comment", "evidence", "assess"):
        assert f'action="/exceptions/{request.ref}/{name}/' not in text
    assert "Whose turn it is" in text
    said = client.post(reverse("exceptions:comment", args=[request.ref]), {"text": "Hm."})
    assert said.status_code == 422
    answer = client.post(step_of(request, "decide"), {"decision": "approve"})
    assert answer.status_code == 422
    assert not request.comments.exists()


def test_every_wait_names_its_owner_and_its_clock(world, visit):
    submitted = world.submitted()
    page = visit("requester", page_of(submitted)).content.decode()
    assert "Whose turn it is" in page
    assert "takes it up" in page
    assert "due in" in page
    high = world.assessed(risk="HIGH")
    today = world.now.date()
    actions.leave(
        world.by("ciso"),
        world.people["implementer"],
        since=today,
        until=today + timedelta(days=3),
        now=world.now,
    )
    text = visit("requester", page_of(high)).content.decode()
    assert "decides as CISO or delegate" in text
    assert "who is away until 27 November" in text


def test_similar_decisions_say_outcome_length_and_who(world, visit):
    granted = world.approved(title="The one before")
    refused = world.submitted(title="The one that went too far")
    why = "A whole account is too much."
    actions.reject(world.by("lead"), refused.pk, why=why, now=world.now)
    now = world.submitted()
    text = visit("lead", page_of(now)).content.decode()
    assert granted.ref in text
    assert "approved, 61 d" in text
    assert why in text
    listed = visit("colleague", reverse("exceptions:similar", args=[now.ref]))
    assert refused.ref.encode() in listed.content
