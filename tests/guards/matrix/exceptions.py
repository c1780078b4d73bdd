"""Exceptions: requests of one's own accounts, of others, and of both; pages, files and the API."""

from datetime import timedelta

from django.db import connection

from findings.models import Control
from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, Line
from invariants.models import ExceptionEvidence, ExceptionMismatch, ExceptionRequest
from inventory.models import Account
from posture.policies import roles
from tests import factories
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import Row

ASK = roles.REQUEST_EXCEPTIONS
_ACCOUNTS = {
    "team": ("pilotage-boats",),
    "ou": ("quayside-cranes",),
    "foreign": ("zanzi-prod", "zanzi-lab"),
}
WHY = "It is needed until the winter."
# Whoever sees a request is told by the guards what they cannot do with it.
_TRIED = (200, 400, 403, 409)


def furnish(world):
    """One request of each zone; that of the team covers an account abroad as well, which it never says."""
    with connection.cursor() as cursor:
        # An event is written after what it tells of; others here have looked at once.
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    refs, files = {}, {}
    for zone, names in _ACCOUNTS.items():
        word = names[0].partition("-")[0]
        accounts = list(Account.objects.filter(name__in=names).order_by("name"))
        if zone == "team":
            accounts.append(Account.objects.get(name="zanzi-prod"))
        person = factories.person(role="Security engineer", username=f"{word}-asker")
        request = _request(By(person), word, accounts)
        refs[zone] = request.ref
        files[zone] = (request.ref, str(_file(request, word).pk))
        world.marker(zone, f"{word}-asker")
    world.thing("exception", **refs, none="EX-9999")
    world.thing("absence", none=1)
    world.thing("mismatch", **_mismatches(refs), none=1)
    world.thing("exception file", **files, none=("EX-9999", "1"))
    for form in ("diff",):
        named = {zone: (ref, form) for zone, ref in refs.items()}
        world.thing("exception edit", **named, none=("EX-9999", form))
    named = {zone: (ref, "triage") for zone, ref in refs.items()}
    world.thing("exception step", **named, none=("EX-9999", "triage"))
    milestones = {zone: (ref, "1") for zone, ref in refs.items()}
    world.thing("exception milestone", **milestones, none=("EX-9999", "1"))


def _request(by, word, accounts):
    control = Control.objects.get(control_id="S3.8")
    request = actions.draft(by, control, now=NOW)
    changes = {
        "title": f"{word} archive",
        "reason": "MIGRATION",
        "justification": f"The {word} archive moves.",
        "system": f"{word} system",
        "business_owner": f"{word} chief",
        "compensating": f"{word} watches it.",
        "remediation_plan": f"{word} moves it.",
        "mechanism": "NONE",
        "starts_on": NOW.date(),
        "asked_until": NOW.date() + timedelta(days=50),
    }
    actions.save(by, request.pk, changes, now=NOW)
    lines = [Line("ACCOUNT", one.account_id) for one in accounts]
    lines += [
        Line("RESOURCE", f"arn:aws:iam::{one.account_id}:role/{one.name}") for one in accounts
    ]
    actions.set_scope(by, request.pk, lines, now=NOW)
    return actions.submit(by, request.pk, now=NOW)


def _mismatches(refs):
    found = {}
    for zone, ref in refs.items():
        request = ExceptionRequest.objects.get(number=int(ref[3:]))
        word = request.title.partition(" ")[0]
        found[zone] = ExceptionMismatch.objects.create(
            organization=request.organization, kind="RE_REVIEW", cause="SEVERITY", key=zone.ljust(64, "0"),
            exception=request, severity="HIGH", owner_part="APPROVER", owner=f"{word} approver",
            summary=f"The {word} archive is graver now.", remedy=f"Ask {word}.",
            first_seen=NOW, last_seen=NOW,
        ).pk  # fmt: skip
    return found


def _file(request, word):
    return ExceptionEvidence.objects.create(
        request=request, name=f"{word}.txt", content_type="text/plain", size=3, sha256="a" * 64,
        stored_as=f"nowhere/{word}", at=NOW, person_id=request.requester_id,
        person_name=request.requester_name,
    )  # fmt: skip


def _api(name, body, *, method="POST", allowed=_TRIED):
    return Row(
        f"api_exception_{name}" if name else "api_exception",
        of="exception",
        body=body,
        method=method,
        allowed=allowed,
        targets=(),
    )


_LINES = [{"kind": "REGION", "value": "eu-west-1"}]
_SAID = {"why": WHY}
_RISK = {"inherent_risk": "LOW", "residual_risk": "LOW", **_SAID}

ROWS: tuple[Row, ...] = (
    Row(
        "api_exceptions",
        query=(
            *("", "?account={foreign_account}", "?control=S3.8", "?state=SUBMITTED"),
            *("?waiting=true", "?standing=active", "?limit=1"),
        ),
        targets=(),
    ),
    Row(
        "api_exceptions",
        right=ASK,
        body={"target_kind": "CONTROL", "control": "S3.8"},
        allowed=201,
        targets=(),
    ),
    Row("api_exception", of="exception", targets=()),
    Row("api_exception_events", of="exception", query=("", "?limit=1"), targets=()),
    Row("api_exception_record", of="exception", targets=()),
    Row("api_exception_numbers", targets=()),
    Row("api_exception_differences", query=("", "?waiting=true", "?limit=1"), targets=()),
    _api("", {"ticket": "T-1"}, method="PATCH"),
    _api("scope", {"scope": _LINES}, method="PUT"),
    _api("renew", {}),
    _api("submit", {}),
    _api("withdraw", {}),
    _api("triage", {}),
    _api("assess", _RISK),
    _api("approve", {}),
    _api("grant", _SAID),
    _api("reject", _SAID),
    _api("request_changes", _SAID),
    _api("implement", {}),
    _api("remove", {}),
    _api("revoke", _SAID),
    _api("narrow", {"remove": _LINES, **_SAID}),
    _api("comment", {"text": "Is it still needed?"}),
    Row("exceptions:record_pdf", of="exception", targets=()),
    Row("exceptions:record_json", of="exception", targets=()),
    Row("exceptions:inbox", query=("", "?account={foreign_account}", "?standing=active")),
    Row("exceptions:bulk", sent={}, allowed=(302, 400, 403, 422)),
    # An approver is told who else decides on exceptions of everybody, to leave theirs to one of them.
    Row("exceptions:absence", allowed=(200, 403), tells=("foreign",)),
    Row("exceptions:absence", sent={}, allowed=(302, 403, 422), tells=("foreign",)),
    Row("exceptions:absence_end", of="absence", sent={}),
    Row("exceptions:mine"),
    Row("exceptions:new", right=ASK),
    Row(
        "exceptions:new",
        right=(ASK, roles.SEE_EVERYTHING),
        query=("?account={foreign_account}",),
        refused=(403, 404),
    ),
    Row("exceptions:new", right=ASK, sent={}, allowed=(200, 302, 400, 404, 422)),
    Row("exceptions:reconciliation"),
    Row("exceptions:item", of="mismatch"),
    # By whoever assesses or approves: those of them who assess nothing are left out here.
    Row(
        "exceptions:looked_again",
        of="mismatch",
        right=roles.ASSESS_EXCEPTIONS,
        sent={},
        allowed=302,
        people=(
            *("engineer", "lead", "team member", "OU reader", "auditor", "administrator"),
            *("stranger", "anonymous"),
        ),
    ),
    Row("exceptions:numbers"),
    Row("exceptions:numbers_csv", targets=()),
    Row("exceptions:detail", of="exception"),
    Row("exceptions:step", of="exception step", sent={}, allowed=(200, 302, 403, 409, 422)),
    Row("exceptions:similar", of="exception"),
    Row("exceptions:comment", of="exception", sent={}, allowed=(302, 403, 409, 422)),
    Row("exceptions:people", of="exception", query=("", "?q=zanzi")),
    Row("exceptions:milestone", of="exception milestone", sent={}, allowed=(302, 403, 404, 422)),
    Row("exceptions:evidence", of="exception", sent={}, allowed=(302, 403, 409, 422)),
    Row("exceptions:evidence_file", of="exception file", allowed=404, targets=()),
    # For who asked for it; whoever else sees it is led to where they read it.
    Row("exceptions:edit", of="exception", allowed=302),
    Row("exceptions:save", of="exception", sent={}, allowed=403),
    Row("exceptions:blast", of="exception"),
    Row("exceptions:policy_edit", of="exception", allowed=(200, 403)),
    # Without an invariant there is no policy, and no edit of one: 409.
    Row(
        "exceptions:edit_file",
        of="exception edit",
        right=roles.SEE_EVERYTHING,
        allowed=(200, 409),
        targets=(),
    ),
)
