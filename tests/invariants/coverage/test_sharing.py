"""What is worked out once for many accounts is what each of them would get alone."""

import random
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants.catalog import SCP
from invariants.evaluation.coverage import evaluating, remembered
from invariants.evaluation.coverage.narrowing import Narrowing
from tests.invariants.coverage import made
from tests.invariants.coverage.made import (
    ROOT,
    attached,
    document,
    organization,
    statement,
    text_of,
)

KEYS = ("kms-delete", "mon-guardduty", "tls-only", "acct-regions", "ec2-serial", "kms-grant")
ACCOUNTS = {f"{700000000000 + n}": ou for n, ou in enumerate([*made.OUS, ROOT] * 3)} | made.ACCOUNTS
PLACES = [*made.OUS, ROOT, *ACCOUNTS]


def some_world(seed):
    """Policies, whole, softened or unreadable, attached anywhere."""
    chance = random.Random(seed)
    world = organization(ACCOUNTS)
    for key in KEYS:
        for number in range(chance.randrange(3)):
            text = text_of(key)
            if chance.random() < 0.3 and "Statement" in text:
                named = f"arn:aws:iam::{chance.choice(list(ACCOUNTS))}:role/Own"
                for one in text["Statement"]:
                    condition = one.setdefault("Condition", {}).setdefault("ArnNotLike", {})
                    before = condition.get("aws:PrincipalArn", [])
                    condition["aws:PrincipalArn"] = [*before, named]
            targets = chance.sample(PLACES, chance.randrange(1, 4))
            world = attached(world, key, *targets, document=text, policy_id=f"p-{key}-{number}")
    if chance.random() < 0.3:
        world = made.with_policy(world, "p-secret", SCP, None, chance.choice(PLACES))
    if chance.random() < 0.3:
        world = made.without(world, "p-FullAWSAccess", chance.choice(PLACES))
    return world


def evaluate(*world, **options):
    """With nothing remembered from before, so that each evaluation works everything out."""
    remembered.forget()
    return evaluating.evaluate(*world, **options)


def told(evaluation):
    return {
        (key, account_id): (d.state, d.reason, d.policy_id, d.level, d.evidence)
        for group in evaluation.groups
        for key, d in group.decisions.items()
        for account_id in group.accounts
    }


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_an_account_alone_gets_what_it_gets_among_all(seed):
    world, catalogue = some_world(seed), made.only(*KEYS)
    together = told(evaluate(world, catalogue, now=made.NOW))
    assert len(together) == len(KEYS) * len(world.accounts)
    for account_id in ACCOUNTS:
        alone = told(evaluate(world, catalogue, now=made.NOW, accounts={account_id}))
        assert alone == {pair: said for pair, said in together.items() if pair[1] == account_id}


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_what_the_ids_of_accounts_are_does_not_matter(seed):
    """Renaming every account, in the tree and in the policies, renames the answers and nothing else."""
    world, catalogue = some_world(seed), made.only(*KEYS)
    names = {old: f"{int(old) + 100_000_000_000}" for old in ACCOUNTS if old != made.MANAGEMENT}
    before = told(evaluate(world, catalogue, now=made.NOW))
    after = told(evaluate(renamed(world, names), catalogue, now=made.NOW))
    assert {pair: said[0] for pair, said in before.items()} == {
        (key, old): after[key, names.get(old, old)][0] for key, old in before
    }


def renamed(world, names):
    def new(text):
        for old, other in names.items():
            text = text.replace(old, other) if text else text
        return text

    return replace(
        world,
        nodes={names.get(i, i): replace(n, id=names.get(i, i)) for i, n in world.nodes.items()},
        policies={i: replace(p, content=new(p.content)) for i, p in world.policies.items()},
        attachments=tuple(
            replace(a, target_id=names.get(a.target_id, a.target_id)) for a in world.attachments
        ),
    )


@given(seed=st.integers(0, 10_000), place=st.sampled_from(PLACES))
@settings(max_examples=12, deadline=None)
def test_one_deny_more_never_turns_enforced_into_missing(seed, place):
    world, catalogue = some_world(seed), made.only(*KEYS)
    more = made.with_policy(world, "p-more", SCP, document(statement("ec2:RunInstances")), place)
    before = told(evaluate(world, catalogue, now=made.NOW))
    after = told(evaluate(more, catalogue, now=made.NOW))
    worse = {
        pair
        for pair, said in before.items()
        if said[0] == "ENFORCED" and after[pair][0] == "MISSING"
    }
    assert worse == set()


@given(seed=st.integers(0, 10_000), other=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_what_is_remembered_of_another_world_changes_nothing(seed, other):
    world, catalogue = some_world(seed), made.only(*KEYS)
    fresh = told(evaluate(world, catalogue, now=made.NOW))
    evaluate(some_world(other), catalogue, now=made.NOW)
    assert told(evaluating.evaluate(world, catalogue, now=made.NOW)) == fresh


def until(date, action="kms:ScheduleKeyDeletion"):
    """Denies the action from a date on."""
    condition = {"DateGreaterThan": {"aws:CurrentTime": date}}
    return document(statement(action) | {"Condition": condition})


def test_what_reads_the_clock_is_asked_again_and_nothing_else():
    world, catalogue = organization(ACCOUNTS), made.only("kms-delete", "mon-guardduty")
    world = attached(world, "mon-guardduty", ROOT)
    soon = made.with_policy(world, "p-soon", SCP, until("2026-11-21T00:00:00Z"), ROOT)
    before = evaluate(soon, catalogue, now=made.NOW)
    later = made.NOW + timedelta(days=1)
    with mock.patch.object(evaluating.rulings, "rule", wraps=evaluating.rulings.rule) as rule:
        after = told(evaluating.evaluate(soon, catalogue, now=later))
    assert {call.args[0].id for call in rule.call_args_list} == {"kms-delete"}
    assert told(before) != after
    assert after == told(evaluate(soon, catalogue, now=later))


def test_a_key_that_another_policy_begins_to_read_asks_nothing_again():
    world, catalogue = organization(ACCOUNTS), made.only("kms-delete", "mon-guardduty")
    world = attached(attached(world, "mon-guardduty", ROOT), "kms-delete", ROOT)
    evaluate(world, catalogue, now=made.NOW)
    more = made.with_policy(world, "p-more", SCP, until("2026-11-21T00:00:00Z", "s3:Get*"), ROOT)
    with mock.patch.object(evaluating.rulings, "rule", wraps=evaluating.rulings.rule) as rule:
        remembered_ = told(evaluating.evaluate(more, catalogue, now=made.NOW))
    rule.assert_not_called()
    assert remembered_ == told(evaluate(more, catalogue, now=made.NOW))


def test_accounts_of_one_ou_are_decided_once():
    many = {f"{800000000000 + n}": "ou-prod" for n in range(500)}
    evaluation = evaluate(organization(many), made.only("kms-delete"), now=made.NOW)
    assert [len(group.accounts) for group in evaluation.groups] == [500]


@pytest.mark.parametrize("pattern", ["7000000000*", "70000000000?"])
def test_a_pattern_of_account_ids_tells_accounts_apart(pattern):
    text = text_of("kms-delete")
    for one in text["Statement"]:
        condition = one.setdefault("Condition", {})
        condition["StringNotLike"] = {"aws:PrincipalAccount": pattern}
    world = attached(
        organization({"700000000001": "ou-prod", "810000000000": "ou-prod"}),
        "kms-delete",
        ROOT,
        document=text,
    )
    assert made.decide(world, "kms-delete", "700000000001").state == "BROKEN"
    assert made.decide(world, "kms-delete", "810000000000").state == "ENFORCED"


@given(seed=st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_policies_that_have_no_say_change_nothing(seed):
    world, catalogue = some_world(seed), made.only(*KEYS)
    narrow = told(evaluate(world, catalogue, now=made.NOW))
    with mock.patch.object(Narrowing, "way", lambda self, key, way: way):
        whole = told(evaluate(world, catalogue, now=made.NOW))
    assert narrow == whole
