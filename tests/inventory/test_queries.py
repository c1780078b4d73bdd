"""Freshness, gaps and what belongs to an account."""

from datetime import timedelta

import pytest

from inventory.queries import accounts, runs, tree
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def scopes(user, **filters):
    return {(one.source, one.account_id): one for one in runs.scopes(user, **filters)}


def test_a_scope_shows_its_newest_ended_run_while_the_next_one_is_under_way():
    user = factories.security_engineer()
    old = factories.collection()
    factories.run(collection=old, state="DENIED")
    running = factories.collection(state="RUNNING", finished_at=None)
    factories.run(collection=running, state="PENDING", finished_at=None)
    assert scopes(user)["SECURITY_HUB", ""].state == "DENIED"


def test_a_scope_that_never_ended_shows_that_it_waits():
    user = factories.security_engineer()
    running = factories.collection(state="RUNNING", finished_at=None)
    factories.run(collection=running, state="PENDING", finished_at=None)
    (scope,) = runs.scopes(user)
    assert (scope.state_label, scope.finished_at) == ("waiting", None)


def test_gaps_come_first_and_say_what_to_do():
    user = factories.security_engineer()
    account = factories.account()
    done = factories.collection()
    factories.run(collection=done, source="ORGANIZATIONS")
    factories.run(
        collection=done,
        source="ACCESS_ANALYZER",
        account_id=account.account_id,
        state="DENIED",
        error="not authorized",
        missing_permission="access-analyzer:ListAnalyzers",
    )
    first, second = runs.scopes(user)
    assert first.is_problem and not second.is_problem
    assert (
        first.next_step == "Allow access-analyzer:ListAnalyzers in the read role of this account."
    )
    assert first.account_name == account.name
    assert runs.freshness(user).problems == (("IAM Access Analyzer", "denied", 1),)


def test_a_team_sees_the_runs_of_its_own_accounts_and_no_text_about_the_organisation():
    team = factories.team()
    mine, foreign = factories.account(team=team), factories.account()
    user = factories.team_member(team=team)
    done = factories.collection()
    factories.run(collection=done, source="ORGANIZATIONS", state="FAILED", error="arn:aws:iam::1")
    for account in (mine, foreign):
        factories.run(
            collection=done,
            source="ACCESS_ANALYZER",
            account_id=account.account_id,
            state="DENIED",
            error=f"denied in {account.account_id}",
        )
    found = scopes(user)
    assert set(found) == {("ORGANIZATIONS", ""), ("ACCESS_ANALYZER", mine.account_id)}
    assert found["ORGANIZATIONS", ""].error == ""
    assert found["ACCESS_ANALYZER", mine.account_id].error
    assert [(one.source, one.scopes) for one in runs.sources(user)] == [
        ("ORGANIZATIONS", 1),
        ("ACCESS_ANALYZER", 1),
    ]


def test_progress_counts_every_run_that_has_ended_whatever_way():
    user = factories.security_engineer()
    assert runs.progress(user) is None
    running = factories.collection(state="RUNNING", stage="FINDINGS", finished_at=None)
    for source, state in [
        ("ORGANIZATIONS", "COMPLETE"),
        ("CONTROLS", "DENIED"),
        ("SECURITY_HUB", "RUNNING"),
        ("ACCESS_ANALYZER", "PENDING"),
    ]:
        factories.run(collection=running, source=source, state=state)
    found = runs.progress(user)
    assert (found.stage, found.total, found.done, found.problems) == ("findings", 4, 2, 1)


def test_history_is_the_last_collections_newest_first():
    user = factories.security_engineer()
    for minutes in (30, 15):
        started = NOW - timedelta(minutes=minutes)
        done = factories.collection(
            started_at=started, finished_at=started + timedelta(seconds=90), state="PARTIAL"
        )
        factories.run(collection=done, state="PARTIAL")
    first, second = runs.history(user)
    assert first.started_at > second.started_at
    assert (first.seconds, first.runs, first.problems) == (90, 1, 1)


def test_the_way_to_an_ou_names_nothing_above_what_the_person_sees():
    workloads = factories.ou(name="Workloads")
    production = factories.ou(parent=workloads, name="Production")
    payments = factories.ou(parent=production, name="Payments")
    reader = factories.ou_reader(ou=production)
    member = factories.team_member(team=factories.team())
    everybody = factories.security_engineer()

    def names(user):
        return [(step.name, step.is_visible) for step in tree.way_to(user, payments.path)]

    assert names(everybody) == [
        ("Halden Group", True),
        ("Workloads", True),
        ("Production", True),
        ("Payments", True),
    ]
    assert names(reader) == [("Production", True), ("Payments", True)]
    assert names(member) == [("Payments", False)]


def test_policies_along_the_path_say_where_they_are_attached():
    production = factories.ou(name="Production")
    account = factories.account(ou=production)
    factories.policy(target=factories.root().ou_id, target_kind="ROOT", name="root-policy")
    factories.policy(target=production.ou_id, name="ou-policy")
    factories.policy(target=account.account_id, target_kind="ACCOUNT", name="own-policy")
    factories.policy(target=factories.ou(name="Other").ou_id, name="not-on-the-path")
    found = [(line.name, line.target, line.applies) for line in accounts.policies(account)]
    assert found == [
        ("root-policy", "Root", True),
        ("ou-policy", "Production", True),
        ("own-policy", "this account", True),
    ]


def test_scps_and_rcps_do_not_apply_to_the_management_account():
    account = factories.account(account_id="100000000001")
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "DECLARATIVE_POLICY_EC2"):
        factories.policy(target=factories.root().ou_id, target_kind="ROOT", type=kind)
    applies = {line.type: line.applies for line in accounts.policies(account)}
    assert applies == {
        "SERVICE_CONTROL_POLICY": False,
        "RESOURCE_CONTROL_POLICY": False,
        "DECLARATIVE_POLICY_EC2": True,
    }
