"""The table of rights and roles is what the pages do: each right is tried by a page that asks for it."""

from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group
from django.urls import NoReverseMatch, get_resolver, reverse

from invariants.ingest import catalogue
from invariants.models import Drift, Invariant
from posture.policies import roles
from tests import factories
from tests.fixtures.reviews import weekly_review

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Try:
    """A request that only people with the right get through. `sent` None is a GET."""

    name: str
    args: tuple[object, ...] = ()
    sent: dict[str, str] | None = None
    allowed: int = 200
    refused: int = 403


# One for every right, so that a new right cannot come without a page that asks for it.
TRIES = {
    roles.SEE_EVERYTHING: Try("posture:scorecard", ("r-ab12",), refused=404),
    roles.READ_FINDINGS: Try("findings:list"),
    roles.READ_REVIEWS: Try("posture:review", ("2026-W47",), refused=404),
    roles.READ_AUDIT: Try("posture:audit"),
    roles.COLLECT: Try("posture:collect", sent={}, allowed=302),
    roles.TRIAGE: Try("findings:bulk_actions"),
    roles.IMPORT: Try("findings:import_list", sent={}, allowed=422),
    roles.ATTEST: Try("posture:attestations", sent={}, allowed=422),
    roles.EDIT_REVIEWS: Try(
        "posture:review_notes", ("2026-W47",), sent={"kind": "DONE", "text": "Done."}, allowed=302
    ),
    roles.PUBLISH_REVIEWS: Try("posture:review_publish", ("2026-W47",), sent={}, allowed=422),
    roles.MANAGE_INVARIANTS: Try("invariants:move", ("root-deny",)),
    roles.ENFORCE_INVARIANTS: Try(
        "invariants:move",
        ("mon-logs",),
        sent={"retired-after": "RETIRED", "retired-why": "Another one does it."},
        allowed=302,
    ),
    roles.MANAGE_DRIFT: Try("invariants:drift_accept", (1,), sent={}, allowed=422),
    # Their pages are to come.
    roles.REQUEST_EXCEPTIONS: Try("invariants:exception_new"),
    roles.TRIAGE_EXCEPTIONS: Try("invariants:exception_triage", (1,), sent={}),
    roles.ASSESS_EXCEPTIONS: Try("invariants:exception_assess", (1,), sent={}),
    roles.APPROVE_EXCEPTIONS: Try("invariants:exception_approve", (1,), sent={}),
    roles.ACCEPT_EXCEPTION_RISK: Try("invariants:exception_accept", (1,), sent={}),
    roles.APPROVE_HIGH_EXCEPTIONS: Try("invariants:exception_approve_high", (1,), sent={}),
    roles.APPROVE_CRITICAL_EXCEPTIONS: Try("invariants:exception_approve_critical", (1,), sent={}),
    roles.IMPLEMENT_EXCEPTIONS: Try("invariants:exception_implement", (1,), sent={}),
    roles.MANAGE_RECIPIENTS: Try("posture:recipient_add", sent={}, allowed=422),
    roles.MANAGE_WEBHOOKS: Try("posture:webhooks"),
    roles.MANAGE_PEOPLE: Try("posture:people"),
}
SEVERAL = [
    ("Team member", "Executive"),
    ("Auditor", "Administrator"),
    ("Security lead", "Administrator"),
]


@pytest.fixture
def world():
    factories.ou_day(ou=factories.root())
    catalogue.load_catalogue(factories.root().organization, folders=[], now=factories.NOW)
    Invariant.objects.filter(key="mon-logs").update(state=Invariant.State.ENFORCED)
    Drift.objects.create(
        pk=1,
        organization=factories.organization(),
        key="0" * 64,
        kind=Drift.Kind.UNMANAGED,
        severity="LOW",
        first_seen=factories.NOW,
        last_seen=factories.NOW,
        changed_since=factories.NOW,
    )
    weekly_review()


def outcome(client, code, user):
    attempt = TRIES[code]
    try:
        address = reverse(attempt.name, args=attempt.args)
    except NoReverseMatch:
        # Nothing asks for this right yet; a page that does has to be named above.
        names = {str(name) for name in get_resolver().namespace_dict["posture"][1].reverse_dict}
        word = attempt.name.partition(":")[2]
        assert not [name for name in names if word.rstrip("s") in name]
        return user.has_perm(code)
    sent = client.get(address) if attempt.sent is None else client.post(address, attempt.sent)
    expected = {attempt.allowed: True, attempt.refused: False}
    return expected.get(sent.status_code, f"{attempt.name} answers {sent.status_code}")


def test_every_right_has_a_page_that_asks_for_it():
    assert set(TRIES) == {right.code for right in roles.RIGHTS}


@pytest.mark.parametrize(
    "held", [*((role.name,) for role in roles.ROLES), *SEVERAL], ids=" and ".join
)
def test_a_role_may_do_what_the_table_says_and_nothing_else(client, world, held):
    user = factories.person(role=held, team=factories.team())
    client.force_login(user)
    given = frozenset[str]().union(*(role.rights for role in roles.ROLES if role.name in held))
    found = {code: outcome(client, code, user) for code in TRIES}
    assert found == {code: code in given for code in TRIES}


def test_without_a_role_nothing_may_be_done(client, world):
    user = factories.stranger()
    client.force_login(user)
    assert {code: outcome(client, code, user) for code in TRIES} == dict.fromkeys(TRIES, False)


def test_the_table_names_only_rights_that_there_are_and_the_groups_have_them():
    codes = {right.code for right in roles.RIGHTS}
    for role in roles.ROLES:
        assert role.rights <= codes
        held = Group.objects.get(name=role.name).permissions.select_related("content_type")
        assert {f"{one.content_type.app_label}.{one.codename}" for one in held} == role.rights


def test_the_page_of_rights_is_for_everybody_and_marks_ones_own(client):
    client.force_login(factories.person(role="Auditor"))
    page = client.get(reverse("posture:rights"))
    assert [right.code for right, has, _ in page.context["rows"] if has] == [
        right.code for right in roles.RIGHTS if right.code in role_of("Auditor").rights
    ]
    content = page.content.decode()
    for right in roles.RIGHTS:
        assert right.name in content
    assert content.count(">yours<") == 2
    client.force_login(factories.stranger())
    page = client.get(reverse("posture:rights"))
    assert page.status_code == 200
    assert not any(has for _, has, _ in page.context["rows"])


def role_of(name):
    return next(role for role in roles.ROLES if role.name == name)
