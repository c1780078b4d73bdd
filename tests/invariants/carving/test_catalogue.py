"""Every invariant of the catalogue with every mechanism: the edit is proven, and its removal undoes it."""

from dataclasses import replace

import pytest

from invariants import carving, engine
from invariants.carving import Unfit
from invariants.catalog import RCP, SCP, stored
from invariants.queries.exceptions import mechanisms
from tests.invariants.carving import made

DECIDING = [one for one in made.catalogue() if one.type in (SCP, RCP)]
SETTING = [one for one in made.catalogue() if not one.is_authorisation]
# Denied are strangers alone.
OF_STRANGERS = {"dp-identity", "iam-assume-ext"}
WITH_PRINCIPALS = ("principals", "principals until", "principals in a Region", "actions")
UNDER_ONE_NAME = "under one name"
# Where no edit is made, and a part of why: everything else has one that is proven.
CANNOT = {
    # It denies AWS services alone, and no role.
    **{("dp-deputy", what): "None of the requests" for what in WITH_PRINCIPALS[:3]},
    ("dp-deputy", "principals by tag"): "None of the requests",
    ("dp-deputy", "principals by ARN and tag until"): "None of the requests",
    # It denies strangers alone, whose tags say nothing: anybody sets them at home.
    ("dp-identity", "principals by tag"): "as they stand",
    ("iam-assume-ext", "principals by tag"): "as they stand",
    # It denies root alone, which carries no tags.
    ("root-deny", "principals by tag"): "None of the requests",
    ("root-deny", "principals by ARN and tag until"): "None of the requests",
    **{("root-deny", what): "as they stand" for what in WITH_PRINCIPALS},
    **{
        (key, what): UNDER_ONE_NAME
        for key in ("dp-deputy", "dp-identity", "dp-network", "tls-12", "tls-only")
        for what in ("actions", "actions until")
    },
    # It names its resources, and this one is not among them.
    **{
        (key, "resource"): "as they stand"
        for key in (
            *("iam-protect-policies", "iam-protect-roles", "ir-role", "mon-cloudtrail"),
            "ssm-doc-public",
        )
    },
}


def principals(record):
    return (made.STRANGER if record.id in OF_STRANGERS else made.PARTNER,)


def named_as(record, what):
    who = principals(record)
    actions = tuple(probe.action for probe in record.must_deny[:1])
    return {
        "principals": made.scope(principals=who),
        "principals until": made.scope(principals=who),
        "principals in a Region": made.scope(principals=who, regions=(made.REGION,)),
        "actions": made.scope(principals=who, actions=actions),
        "actions until": made.scope(actions=actions),
        "account": made.scope(),
        "OU": made.scope(accounts=(), ous=("r-ab12/ou-work/",)),
        "Region": made.scope(regions=(made.REGION, "eu-north-1")),
        "tag": made.scope(tags=(("dp:exclude:it", "yes"),)),
        "principals by tag": made.scope(principal_tags=(("dp:exclude:it", "yes"),)),
        "principals by ARN and tag until": made.scope(
            principals=who, principal_tags=(("dp:exclude:it", "yes"), ("dp:exclude:so", "a"))
        ),
        "tag until": made.scope(tags=(("dp:exclude:it", "yes"),)),
        "resource": made.scope(resources=("arn:aws:s3:::lake/partner/*",)),
    }[what]


WAYS = {
    "principals": "PRINCIPAL_LIST",
    "principals until": "TIME_LIMIT",
    "principals in a Region": "PRINCIPAL_LIST",
    "actions": "PRINCIPAL_LIST",
    "actions until": "TIME_LIMIT",
    "account": "VALUE_LIST",
    "OU": "VALUE_LIST",
    "Region": "VALUE_LIST",
    "tag": "TAG",
    "principals by tag": "TAG",
    "principals by ARN and tag until": "TIME_LIMIT",
    "tag until": "TIME_LIMIT",
    "resource": "VALUE_LIST",
}


def guarded(record):
    """dp-tags in force beside it: RCPs cannot guard a tag themselves."""
    policies = [made.standing(record.id)]
    if record.id != "dp-tags":
        policies.append(made.standing("dp-tags"))
    return made.ground(*policies)


CASES = [
    pytest.param(record, what, id=f"{record.id} {what}") for record in DECIDING for what in WAYS
]


def test_the_whole_catalogue_is_tried():
    assert len(DECIDING) + len(SETTING) + 1 >= 57


@pytest.mark.parametrize(("record", "what"), CASES)
def test_the_edit_is_proven_and_its_removal_gives_back_the_original(record, what):
    asked = made.asked(record.id, WAYS[what], named_as(record, what), on=guarded(record))
    if (record.id, what) in CANNOT:
        with pytest.raises(Unfit, match=CANNOT[record.id, what]) as refused:
            carving.put_in(asked)
        assert refused.value.instead
        return
    edit = carving.put_in(asked)
    (change,) = edit.changes
    assert edit.proof.holds
    assert edit.proof.denied or record.type == RCP or what in ("account", "OU")
    assert change.size.after > change.size.before
    assert change.size.limit is None or change.size.after <= change.size.limit
    after = made.put_in_place(asked, edit)
    # Once it is there nothing more has to be done.
    with pytest.raises(carving.AlreadySo):
        carving.put_in(after)
    for kept in (made.kept(edit), carving.Kept()):
        if kept.pieces or _is_by_conditions(what):
            back = carving.take_out(replace(after, kept=kept))
            assert fingerprint(back.changes[0].after) == fingerprint(change.before)
            assert back.proof.holds


def _is_by_conditions(what):
    """Whether the first side is a condition, which is found again without a record."""
    return what not in ("actions until", "resource")


def fingerprint(text):
    return engine.fingerprint(engine.parse(text))


# A scope for each mechanism that some edit can be made for.
FITTING = {
    "PRINCIPAL_LIST": "principals",
    "TIME_LIMIT": "tag until",
    "VALUE_LIST": "account",
    "TAG": "tag",
}


@pytest.mark.parametrize("record", [*DECIDING, *SETTING], ids=lambda one: one.id)
def test_the_form_offers_what_an_edit_can_be_made_for(record):
    for hint in mechanisms.of_record(stored.to_data(record)):
        if hint.mechanism == "NONE":
            assert hint.fits
            continue
        at = {"r-ab12" if record.targets.root else "ou-work": (f"p-{record.id}", "p-dp-tags")}
        policies = [made.standing(record.id), made.standing("dp-tags")]
        on = made.ground(*policies, attached=at)
        named = (
            named_as(record, FITTING[hint.mechanism]) if hint.mechanism in FITTING else made.scope()
        )
        asked = made.asked(record.id, hint.mechanism, named, on=on)
        if hint.fits:
            assert carving.put_in(asked).proof.through, hint.mechanism
        else:
            with pytest.raises(Unfit):
                carving.put_in(asked)


@pytest.mark.parametrize("record", SETTING, ids=lambda one: one.id)
def test_a_policy_that_sets_values_is_overridden_further_down(record):
    asked = made.asked(record.id, "CHILD_OVERRIDE", made.scope())
    if record.id in ("ai-optout", "cult-explain"):
        with pytest.raises(Unfit):
            carving.put_in(asked)
        return
    edit = carving.put_in(asked)
    (change,) = edit.changes
    assert (change.policy_id, change.before, change.attach) == ("", "", (made.SHOP,))
    assert edit.proof.holds
    assert 'resource "aws_organizations_policy_attachment"' in edit.terraform
    there = made.Standing("p-new", change.name, change.type, change.after)
    on = made.ground(
        made.standing(record.id),
        there,
        attached={"ou-work": (f"p-{record.id}",), made.SHOP: ("p-new",)},
    )
    with pytest.raises(carving.AlreadySo):
        carving.put_in(replace(asked, ground=on))
    back = carving.take_out(replace(asked, ground=on))
    assert (back.changes[0].after, back.changes[0].detach) == ("", (made.SHOP,))
    assert back.proof.holds


@pytest.mark.parametrize("record", [*DECIDING, *SETTING], ids=lambda one: one.id)
def test_an_account_is_moved_to_the_exceptions_and_keeps_the_rest(record):
    other = "mon-config" if record.id != "mon-config" else "mon-analyzer"
    on = made.ground(made.standing(record.id), made.standing(other))
    asked = made.asked(record.id, "EXCEPTIONS_OU", made.scope(), on=on)
    edit = carving.put_in(asked)
    place = edit.changes[0]
    assert place.type == "ACCOUNT"
    assert '"ParentId": "ou-work"' in place.before
    assert '"ParentId": "ou-exc"' in place.after
    assert f'"Name": "{other}"' in place.after
    assert f'"Name": "{record.id}"' not in place.after
    assert edit.proof.through
    assert f'policy_id = "p-{other}"' in edit.terraform
    assert edit.moved_from == "ou-work"
