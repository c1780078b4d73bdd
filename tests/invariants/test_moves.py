"""Moving an invariant: the action, its record, and the page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from invariants.actions import life_cycle
from invariants.ingest import catalogue as loading
from invariants.models import (
    CoverageProof,
    Invariant,
    InvariantMove,
    OuCoverage,
)
from invariants.policies.life_cycle import Gate, NotMovable
from invariants.queries import register
from inventory.models import PolicyAttachment
from posture.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
NO_REPLAY = {Gate.REPLAY: "Replay comes with the next release."}
KEY = "mon-config"


@pytest.fixture
def invariant():
    loading.load_catalogue(factories.root().organization, folders=[], now=NOW - timedelta(days=9))
    found = Invariant.objects.get(key=KEY)
    version = found.version
    version.source |= {"examples": []}
    version.save()
    return found


@pytest.fixture
def engineer():
    return factories.person(role="Security engineer", username="priya")


@pytest.fixture
def lead():
    return factories.person(role="Security lead", username="marta")


def covered(invariant, *, enforced, missing=0):
    policy = factories.policy(target="r-ab12", target_kind="ROOT").policy
    CoverageProof.objects.create(
        invariant=invariant, digest=b"1" * 32, state="ENFORCED", reason="It holds.", policy=policy
    )
    OuCoverage.objects.create(
        invariant=invariant, ou=factories.root(), enforced=enforced, missing=missing
    )
    return policy


def move(person, invariant, after, *, waivers=None, why="Read and tried by two of us."):
    return life_cycle.move(person, invariant, after=after, why=why, waivers=waivers or {}, now=NOW)


def test_a_step_is_recorded_with_what_its_gates_found(invariant, engineer):
    taken = move(engineer, invariant, "TESTED", waivers=NO_REPLAY)

    invariant.refresh_from_db()
    assert (invariant.state, invariant.state_since) == ("TESTED", NOW)
    assert (taken.before, taken.after, taken.by, taken.at) == ("DRAFT", "TESTED", engineer, NOW)
    assert taken.by_name == (engineer.get_full_name() or "priya")
    assert taken.version == invariant.version
    assert [gate["gate"] for gate in taken.gates] == [
        "KEPT",
        "WRITTEN",
        "LINT",
        "PROBES",
        "GOLDEN",
        "REPLAY",
    ]
    assert taken.gates[-1]["state"] == "WAIVED"
    assert taken.gates[-1]["waiver"] == NO_REPLAY[Gate.REPLAY]
    entry = AuditEntry.objects.filter(event="invariant_moved").get()
    assert entry.subject == KEY
    assert entry.changes["after"] == [None, "TESTED"]
    assert entry.changes["version"] == [None, 1]


def test_a_refused_step_changes_nothing(invariant, engineer):
    with pytest.raises(NotMovable, match="Replay: No replay of recorded requests"):
        move(engineer, invariant, "TESTED")
    invariant.refresh_from_db()
    assert invariant.state == "DRAFT"
    assert not InvariantMove.objects.exists()


def test_the_state_that_counts_is_the_one_in_the_database(invariant, engineer):
    stale = Invariant.objects.get(pk=invariant.pk)
    move(engineer, invariant, "TESTED", waivers=NO_REPLAY)
    with pytest.raises(NotMovable, match="no step from tested to tested"):
        move(engineer, stale, "TESTED", waivers=NO_REPLAY)


def test_into_force_it_goes_by_the_lead_with_proof(invariant, engineer, lead):
    move(engineer, invariant, "TESTED", waivers=NO_REPLAY)
    move(engineer, invariant, "STAGED")
    reasons = NO_REPLAY | {Gate.STAGING: "In force since before there was a register."}
    with pytest.raises(NotMovable, match="has not been worked out"):
        move(lead, invariant, "ENFORCED", waivers=reasons)
    covered(invariant, enforced=40, missing=2)
    with pytest.raises(NotMovable, match="Only people"):
        move(engineer, invariant, "ENFORCED", waivers=reasons)
    with pytest.raises(NotMovable, match="It holds in 40 of 42 accounts: 40 enforced, 2 missing"):
        move(lead, invariant, "ENFORCED", waivers=reasons)

    reasons |= {Gate.COVERAGE: "Two accounts are closed next week."}
    taken = move(lead, invariant, "ENFORCED", waivers=reasons)

    found = {gate["gate"]: gate for gate in taken.gates}
    assert found["COVERAGE"]["state"] == found["STAGING"]["state"] == "WAIVED"
    assert "nothing narrower before" in found["STAGING"]["found"]


def test_staging_is_read_off_where_its_policies_were_attached(invariant):
    policy = covered(invariant, enforced=1)
    staging = factories.ou(name="Policy Staging", role="POLICY_STAGING")
    since = PolicyAttachment.objects.get(policy=policy).since
    PolicyAttachment.objects.create(
        policy=policy,
        target_id=staging.ou_id,
        target_kind="OU",
        since=since - timedelta(days=30),
        until=since,
    )
    found = register.facts_of(invariant).staging
    assert found.is_shown
    assert found.said.startswith("Attached to Policy Staging since")


def test_parameters_that_are_still_examples_keep_it_from_being_staged(invariant, engineer):
    move(engineer, invariant, "TESTED", waivers=NO_REPLAY)
    version = invariant.version
    version.source |= {"examples": ["platform_roles"]}
    version.save()
    with pytest.raises(NotMovable, match="Still the shipped examples: platform_roles"):
        move(engineer, invariant, "STAGED")


@pytest.mark.parametrize("role", ["Executive", "Team member", "Auditor", "Administrator"])
def test_who_only_reads_moves_nothing(invariant, client, role):
    person = factories.person(role=role, username="reader")
    assert register.moves(person, invariant) == ()
    with pytest.raises(NotMovable, match="Only people"):
        move(person, invariant, "RETIRED")
    client.force_login(person)
    address = reverse("invariants:move", args=[KEY])
    assert client.get(address).status_code == 403
    assert client.post(address, {"retired-after": "RETIRED"}).status_code == 403


def test_the_page_says_what_each_step_demands(invariant, client, engineer):
    client.force_login(engineer)
    page = client.get(reverse("invariants:move", args=[KEY])).content.decode()
    assert "Say that it is tested" in page
    assert "No replay of recorded requests is there; 30 days are wanted." in page
    assert 'name="tested-waive_replay"' in page
    assert 'name="retired-why"' in page


def test_a_step_is_taken_by_the_page(invariant, client, engineer):
    client.force_login(engineer)
    address = reverse("invariants:move", args=[KEY])
    sent = {
        "tested-after": "TESTED",
        "tested-why": "Read.",
        "tested-waive_replay": "Not there yet.",
    }
    answer = client.post(address, sent)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("invariants:detail", args=[KEY])
    invariant.refresh_from_db()
    assert invariant.state == "TESTED"
    assert InvariantMove.objects.get().why == "Read."
    # The same form once more: that step is no longer there.
    again = client.post(address, sent, headers={"HX-Request": "true"})
    assert again.status_code == 422
    assert "That step is no longer there." in again.content.decode()
    assert "<html" not in again.content.decode()


def test_a_text_that_has_changed_since_the_last_step_is_said(invariant, client, engineer, tmp_path):
    move(engineer, invariant, "TESTED", waivers=NO_REPLAY)
    client.force_login(engineer)
    address = reverse("invariants:move", args=[KEY])
    words = "Its text has changed since the last step."
    assert words not in client.get(address).content.decode()

    own = "overrides: mon-config\nbecause: It is graver here.\nseverity: CRITICAL\n"
    (tmp_path / "mon-config.yaml").write_text(own)
    loading.load_catalogue(invariant.organization, folders=[tmp_path], now=NOW)

    page = client.get(address).content.decode()
    assert words in page
    assert "version 1; the gates below look at version 2" in page
    invariant.refresh_from_db()
    assert invariant.state == "TESTED"


def test_what_is_missing_comes_back_with_what_was_written(invariant, client, engineer):
    client.force_login(engineer)
    address = reverse("invariants:move", args=[KEY])
    sent = {"tested-after": "TESTED", "tested-why": "Read & tried", "tested-waive_replay": ""}
    answer = client.post(address, sent, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing was changed." in page
    assert "Replay is not passed: write why it may be." in page
    assert "Read &amp; tried" in page
    short = client.post(address, sent | {"tested-waive_replay": "ok"})
    assert short.status_code == 422
    assert "the reason is too short" in short.content.decode()
    assert not InvariantMove.objects.exists()


def test_a_step_that_is_blocked_has_no_form(invariant, client, engineer):
    move(engineer, invariant, "TESTED", waivers=NO_REPLAY)
    move(engineer, invariant, "STAGED")
    client.force_login(engineer)
    page = client.get(reverse("invariants:move", args=[KEY])).content.decode()
    assert "Your roles do not include the right to take this step." in page
    assert 'name="enforced-why"' not in page
    assert 'name="tested-why"' in page
    sent = {"enforced-after": "ENFORCED", "enforced-why": "Because."}
    assert client.post(reverse("invariants:move", args=[KEY]), sent).status_code == 403


def test_strangers_and_unknown_keys_find_nothing(invariant, client, engineer):
    client.force_login(factories.stranger())
    assert client.get(reverse("invariants:move", args=[KEY])).status_code == 403
    client.force_login(engineer)
    assert client.get(reverse("invariants:move", args=["none-such"])).status_code == 404
