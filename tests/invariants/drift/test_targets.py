"""Which places targets mean."""

import pytest

from invariants.policies import targets
from tests.invariants.drift.pictures import (
    APP,
    LAB,
    MANAGEMENT,
    PROD,
    ROOT,
    SANDBOX,
    WORKLOADS,
    places,
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"root": True}, {ROOT}),
        # Of OUs with a role the uppermost: what hangs there reaches those below.
        ({"ou_roles": ["WORKLOADS"]}, {WORKLOADS}),
        ({"ou_roles": ["WORKLOADS", "SANDBOX"]}, {WORKLOADS, SANDBOX}),
        ({"ou_roles": ["NURSERY"]}, set()),
        ({"ou_roles": ["MANAGEMENT"]}, {MANAGEMENT}),
        ({"ous": ["Workloads/Prod"]}, {PROD}),
        ({"ous": ["workloads / prod"]}, {PROD}),
        ({"accounts": [LAB]}, {LAB}),
        ({}, set()),
    ],
)
def test_targets_are_places_of_the_organisation(asked, found):
    said = targets.resolve(asked, places(), management_account_id=MANAGEMENT)
    assert (said.ids, said.unknown) == (found, ())


def test_what_the_organisation_does_not_have_is_named():
    asked = {"ous": ["Prod", "Workloads"], "accounts": ["999999999999"]}
    said = targets.resolve(asked, places())
    assert said.ids == {WORKLOADS}
    assert said.unknown == ("Prod", "999999999999")


def test_a_place_is_within_itself_and_all_above():
    assert targets.line(APP, places()) == (ROOT, WORKLOADS, PROD, APP)
    assert targets.line("ou-gone", places()) == ()
    assert targets.is_within(APP, frozenset({WORKLOADS}), places())
    assert targets.is_within(WORKLOADS, frozenset({WORKLOADS}), places())
    assert not targets.is_within(WORKLOADS, frozenset({PROD}), places())
