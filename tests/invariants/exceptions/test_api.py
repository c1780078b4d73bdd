"""Exceptions for programs: the guards of the pages, whoever asks and by whatever way."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.test import Client

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Line
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ScopeKind
from invariants.queries.exceptions import listing, totals, waiting
from invariants.queries.exceptions.listing import Filters
from posture.actions import tokens
from posture.policies import roles
from tests import factories
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import FILLED, LINK, TODAY, WHY, fresh

pytestmark = pytest.mark.django_db
LIST = "/api/v1/exceptions/"


@pytest.fixture
def world(time_machine):
    found = worlds.build()
    time_machine.move_to(found.now, tick=False)
    return found


class Caller:
    """Somebody with a browser's session, or with a token that has these rights."""

    def __init__(self, user, *, rights=(), now=None):
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {}
        if rights:
            _, text = tokens.create(user, owner=user, name="t", rights=rights, days=5, now=now)
            self.headers = {"Authorization": f"Bearer {text}"}
        else:
            self.client.force_login(user)
            self.client.get("/")
            self.client.cookies["csrftoken"] = "a" * 32
            self.headers = {"X-CSRFToken": "a" * 32}

    def get(self, path, **headers):
        return self.client.get(path, headers=self.headers | headers)

    def send(self, method, path, body, **headers):
        return self.client.generic(
            method,
            path,
            json.dumps(body),
            "application/json",
            headers=self.headers | {k.replace("_", "-"): v for k, v in headers.items()},
        )

    def post(self, path, body=None, **headers):
        return self.send("POST", path, body or {}, **headers)


@pytest.fixture
def call(world):
    def made(name, *rights):
        return Caller(world.people[name], rights=rights, now=world.now)

    return made


def _plain(values):
    return {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in values.items()}


def _at(request, verb=""):
    return f"{LIST}{request.ref}/{verb}"


def test_from_a_draft_to_in_place_by_the_api_alone(world, call):
    body = _plain(FILLED) | {
        "target_kind": "CONTROL",
        "control": world.control.control_id,
        "mechanism": "PRINCIPAL_LIST",
        "scope": [{"kind": "ACCOUNT", "value": world.account.account_id}],
    }
    program = call("requester", roles.REQUEST_EXCEPTIONS)
    made = program.post(LIST, body)
    assert made.status_code == 201, made.content
    here = made.headers["Location"]
    assert made.json()["state"] == "DRAFT"
    assert made.json()["verbs"] == ["submit", "withdraw"] or set(made.json()["verbs"]) == {
        "SUBMIT",
        "WITHDRAW",
    }
    assert program.get(here).json() == made.json()
    changed = program.send("PATCH", here, {"title": "Other words"})
    assert (changed.status_code, changed.json()["title"]) == (200, "Other words")
    steps = [
        ("requester", "submit", {}),
        ("assessor", "triage", {"note": "Mine."}),
        ("assessor", "assess", {"inherent_risk": "LOW", "residual_risk": "LOW", "why": WHY}),
        ("lead", "approve", {"until": (TODAY + timedelta(days=30)).isoformat()}),
        ("implementer", "implement", {"pull_request": LINK}),
    ]
    for name, verb, said in steps:
        answer = call(name).post(f"{here}{verb}/", said)
        assert answer.status_code == 200, (verb, answer.content)
    assert answer.json()["state"] == "IMPLEMENTING"
    request = ExceptionRequest.objects.get()
    assert request.until == TODAY + timedelta(days=30)
    events = request.events.order_by("number")
    assert {event.via for event in events} == {"API"}
    assert {event.address for event in events} == {"127.0.0.1"}
    log = call("lead").get(f"{here}events/?limit=2").json()
    assert [one["verb"] for one in log["results"]] == ["DRAFT", "SAVE"]
    rest = call("lead").get(f"{here}events/?limit=2&cursor={log['next']}").json()
    assert [one["number"] for one in rest["results"]] == [3, 4]


def test_what_the_guards_say_is_what_the_api_says(world, call):
    request = world.submitted()
    refused = call("lead").post(_at(request, "approve/"))
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    with pytest.raises(actions.deciding.NotAllowed) as same:
        actions.approve(world.by("lead"), request.pk, now=world.now)
    assert refused.json()["missing"] == list(same.value.missing)
    assert refused.json()["type"] == "urn:parapet:problem:not-allowed"
    assert call("colleague").post(_at(request, "triage/")).status_code == 409
    assert fresh(request).state == "SUBMITTED"


def test_nobody_has_two_parts_by_the_api_either(world, call):
    one = factories.person(role=[role for role, _ in worlds.ROLES.values()], username="everything")
    world.people["requester"] = one
    request = world.submitted()
    caller = Caller(one)
    said = {
        "triage": {},
        "assess": {"inherent_risk": "LOW", "residual_risk": "LOW", "why": WHY},
        "reject": {"why": WHY},
    }
    for verb, body in said.items():
        assert caller.post(_at(request, f"{verb}/"), body).status_code == 409, verb
    assert fresh(request).state == "SUBMITTED"


def test_a_token_decides_nothing(world, call):
    request = world.assessed()
    lead = world.people["lead"]
    with pytest.raises(tokens.Refused):
        tokens.create(
            lead, owner=lead, name="t", rights=[roles.APPROVE_EXCEPTIONS], days=5, now=world.now
        )
    other = call("lead", roles.SEE_EVERYTHING, roles.TRIAGE_EXCEPTIONS)
    answer = other.post(_at(request, "approve/"))
    assert (answer.status_code, fresh(request).state) == (409, "RISK_ASSESSED")


def test_a_token_stands_in_for_nobody(world, call):
    request = world.assessed()
    delegate = world.people["assessor2"] = factories.person(
        role="Security engineer", username="delegate"
    )
    actions.leave(world.by("lead"), delegate, since=TODAY, until=TODAY, now=world.now)
    program = call("assessor2", roles.SEE_EVERYTHING, roles.TRIAGE_EXCEPTIONS)
    assert program.post(_at(request, "approve/")).status_code == 409
    assert call("assessor2").post(_at(request, "approve/")).status_code == 200
    assert fresh(request).approvals.get().instead_of_id == world.people["lead"].pk


def test_a_session_without_the_token_against_forged_requests_is_refused(world, call):
    request = world.submitted()
    caller = call("assessor")
    caller.headers = {}
    answer = caller.post(_at(request, "triage/"))
    assert (answer.status_code, fresh(request).state) == (403, "SUBMITTED")
    assert "CSRF" in answer.json()["detail"]


def test_what_has_changed_meanwhile_is_not_written_over(world, call):
    request = world.drafted()
    caller = call("requester")
    read = caller.get(_at(request))
    assert caller.get(_at(request), **{"If-None-Match": read.headers["ETag"]}).status_code == 304
    first = caller.send("PATCH", _at(request), {"ticket": "T-1"}, If_Match=read.headers["ETag"])
    assert first.status_code == 200
    late = caller.send("PATCH", _at(request), {"ticket": "T-2"}, If_Match=read.headers["ETag"])
    assert (late.status_code, fresh(request).ticket) == (412, "T-1")
    again = caller.post(_at(request, "submit/"), If_Match=first.headers["ETag"])
    assert (again.status_code, again.json()["state"]) == (200, "SUBMITTED")
    assert caller.get(_at(request)).headers["ETag"] == again.headers["ETag"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"titel": "x"}, "titel"),
        ({"title": 7}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"starts_on": "2026-2-1"}, "starts_on"),
        ({"starts_on": "2026-02-30"}, "starts_on"),
        ({"is_emergency": "yes"}, "is_emergency"),
        ({"mechanism": "tag"}, "mechanism"),
        ({"asked_until": None}, "asked_until"),
        ([], ""),
    ],
)
def test_what_is_wrong_in_a_body_is_named(world, call, body, field):
    request = world.drafted()
    answer = call("requester").send("PATCH", _at(request), body)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_lines_of_a_scope_are_set_narrowed_and_refused(world, call):
    request = world.drafted()
    other = factories.account(ou=factories.ou())
    caller = call("requester")
    foreign = {"scope": [{"kind": "ACCOUNT", "value": other.account_id}]}
    answer = caller.send("PUT", _at(request, "scope/"), foreign)
    assert (answer.status_code, answer.json()["missing"]) == (
        409,
        [f"You see no account {other.account_id}: ask its team to make the request."],
    )
    wrong = caller.send("PUT", _at(request, "scope/"), {"scope": [{"kind": "CITY", "value": "x"}]})
    assert [one["field"] for one in wrong.json()["errors"]] == ["scope.0.kind"]
    lines = [
        {"kind": "ACCOUNT", "value": world.account.account_id},
        {"kind": "REGION", "value": "eu-west-1"},
    ]
    assert caller.send("PUT", _at(request, "scope/"), {"scope": lines}).json()["scope"] == lines
    tagged = [lines[0], {"kind": "PRINCIPAL_TAG", "value": "team=lake"}]
    assert caller.send("PUT", _at(request, "scope/"), {"scope": tagged}).json()["scope"] == tagged
    untagged = {"scope": [{"kind": "PRINCIPAL_TAG", "value": "team"}]}
    answer = caller.send("PUT", _at(request, "scope/"), untagged)
    assert (answer.status_code, answer.json()["missing"]) == (
        409,
        ["team is no tag: write key=value, such as team=billing."],
    )


def test_requests_of_others_look_like_none(world, call):
    request = world.submitted()
    hidden = Caller(factories.person(role="Team member", username="elsewhere"))
    for path in ("", "events/", "record/"):
        assert hidden.get(_at(request, path)).status_code == 404
    assert hidden.post(_at(request, "triage/")).status_code == 404
    assert hidden.get(LIST).json()["results"] == []
    assert call("lead").get(f"{LIST}EX-9999/").status_code == 404


def test_the_list_is_that_of_the_pages(world, call):
    requests = [world.submitted(), world.assessed(), world.active(mechanism="NONE")]
    requests += [world.submitted(is_emergency=True), world.drafted()]
    for name in ("lead", "assessor", "requester", "colleague"):
        user, caller = world.people[name], call(name)

        def refs(query, caller=caller):
            return {one["ref"] for one in caller.get(f"{LIST}?{query}").json()["results"]}

        seen = ExceptionRequest.objects.visible_to(user)
        assert refs("") == {one.ref for one in seen}
        assert refs("waiting=true") == {one.ref for one in waiting.for_person(user, now=world.now)}
        for code in totals.Standing.values:
            assert refs(f"standing={code}") == {
                one.ref for one in totals.narrow(seen, code, today=TODAY)
            }
        mine = {one.ref for one in requests if one.requester_id == user.pk}
        assert refs("mine=true") == mine
        assert refs("emergency=true") == {requests[3].ref}
        assert refs("state=SUBMITTED&state=ACTIVE") == {
            one.ref for one in seen.filter(state__in=["SUBMITTED", "ACTIVE"])
        }
        assert refs(f"account={world.account.account_id}") == refs("")
    assert call("lead").get(f"{LIST}?standing=odd").status_code == 400


def test_pages_of_the_list_have_every_request_once(world, call):
    for _ in range(5):
        world.submitted()
    caller, found, cursor = call("lead"), [], ""
    while cursor is not None:
        page = caller.get(f"{LIST}?limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        found += [one["ref"] for one in page["results"]]
        cursor = page["next"]
    rows = listing.rows(world.people["lead"], Filters(), now=world.now)
    assert found == [one.ref for one in rows.order_by("-pk")]


def test_a_renewal_is_made_and_can_be_read(world, call):
    request = world.active()
    made = call("requester").post(_at(request, "renew/"))
    assert (made.status_code, made.json()["renews"]) == (201, request.ref)
    here = call("requester").get(made.headers["Location"]).json()
    assert here["ref"] == made.json()["ref"] != request.ref


def test_the_record_is_whole_and_its_digest_can_be_checked(world, call):
    request = world.active()
    actions.comment(world.by("lead"), request.pk, "Seen, @nobody.", now=world.now)
    answer = call("ciso").get(_at(request, "record/")).json()
    record = answer["record"]
    assert record["is_whole"] is True
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == answer["sha256"]
    assert [one["number"] for one in record["events"]] == list(range(1, request.events.count() + 1))
    assert record["events"][0]["address"] == "192.0.2.7"
    assert {one["part"]: one["name"] for one in record["people"]} == {
        "REQUESTER": request.requester_name,
        "ASSESSOR": request.assessor_name,
        "APPROVER": record["approvals"][0]["person_name"],
        "IMPLEMENTER": request.implementer_name,
    }
    assert [one["text"] for one in record["comments"]] == ["Seen, @nobody."]


def test_what_names_accounts_of_others_is_hidden_and_counted(world, call):
    other = factories.account(ou=factories.ou(), team=world.account.team)
    request = world.drafted()
    by = world.by("requester")
    role = f"arn:aws:iam::{other.account_id}:role/lake"
    lines = [
        Line(ScopeKind.ACCOUNT, world.account.account_id),
        Line(ScopeKind.ACCOUNT, other.account_id),
        Line(ScopeKind.PRINCIPAL, role),
    ]
    actions.set_scope(by, request.pk, lines, now=world.now)
    actions.submit(by, request.pk, now=world.now)
    other.team = factories.team(slug="elsewhere")
    other.save()
    for path in ("", "events/", "record/"):
        answer = call("colleague").get(_at(request, path))
        assert answer.status_code == 200
        assert other.account_id not in answer.content.decode(), path
        assert world.account.account_id in answer.content.decode(), path
    assert call("colleague").get(_at(request)).json()["scope_hidden"] == 2
    record = call("colleague").get(_at(request, "record/")).json()["record"]
    assert (record["is_whole"], record["events"][0]["address"]) == (False, None)
