"""Carve-outs that people wrote by hand, in whatever form, are taken out value by value, as the engine confirms."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invariants import carving, engine
from invariants.carving import Neighbour, Sighted, Unfit, Way
from invariants.carving.by_value import pluck
from invariants.carving.values import Wanted
from invariants.catalog import RCP, SCP
from tests.invariants.carving import made
from tests.invariants.carving.made import PARTNER, SHOP, scope
from tests.invariants.carving.test_catalogue import OF_STRANGERS

DECIDING = [one for one in made.catalogue() if one.type in (SCP, RCP)]
REST = {
    "Sid": "AnothersAlone",
    "Effect": "Deny",
    "Action": "budgets:ModifyBudget",
    "Resource": "*",
    "Condition": {"ArnNotLike": {"aws:PrincipalArn": [PARTNER, "arn:aws:iam::*:role/Buyer"]}},
}


def by_hand(record, change, numbers=None):
    """The invariant's own text with its Denies changed, and another invariant's statement behind them."""
    document = json.loads(json.dumps(record.policy))
    for number, statement in enumerate(document["Statement"]):
        if statement["Effect"] == "Deny" and (numbers is None or number in numbers):
            change(statement)
    rest = json.loads(json.dumps(REST))
    if record.type == RCP:
        rest |= {"Principal": "*", "Action": "s3:PutBucketLogging"}
    document["Statement"].append(rest)
    return document


def listed(operator, key, value, *, at="end", is_text=False, case=str):
    """A change that puts the value into a list of the condition, which is made where it is not there."""

    def change(statement):
        conditions = statement.setdefault("Condition", {})
        there = next((one for one in conditions if one.lower() == operator.lower()), operator)
        keys = conditions.setdefault(there, {})
        own = next((one for one in keys if one.lower() == key.lower()), None)
        values = keys.pop(own) if own else []
        values = [values] if isinstance(values, str) else list(values)
        place = {"start": 0, "middle": len(values) // 2, "end": len(values)}[at]
        values[place:place] = [value]
        keys[case(own or key)] = value if is_text and len(values) == 1 else values

    return change


def deployed(record, document, named, way="PRINCIPAL_LIST", **changes):
    """A removal asked for where this text stands in AWS."""
    policy = made.standing(record.id, document=document)
    numbers = [
        number
        for number, one in enumerate(document["Statement"])
        if one["Effect"] == "Deny" and one.get("Sid") != REST["Sid"]
    ]
    serving = {policy.id: frozenset(numbers)}
    return made.asked(record.id, way, named, on=made.ground(policy), serving=serving, **changes)


def statements(text):
    return engine.canonical(engine.parse(text)).statements


def principal(record):
    return made.STRANGER if record.id in OF_STRANGERS else PARTNER


VARIANTS = {
    "list": {},
    "text": {"is_text": True},
    "in the middle": {"at": "middle"},
    "first, in capitals": {"at": "start", "case": str.upper},
    "if it exists": {"operator": "ArnNotLikeIfExists"},
    "as a text operator": {"operator": "StringNotLike"},
    "as an exact one": {"operator": "StringNotEquals"},
}
# What denies root or services alone exempts no role.
NOBODY = {"dp-deputy", "root-deny"}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("record", DECIDING, ids=lambda one: one.id)
def test_a_principal_in_whatever_form_is_taken_out_and_nothing_else(record, variant):
    how = dict(VARIANTS[variant])
    operator = how.pop("operator", "ArnNotLike")
    document = by_hand(record, listed(operator, "aws:PrincipalArn", principal(record), **how))
    removed_from(record, document, scope(principals=(principal(record),)))


def removed_from(record, document, named, way="PRINCIPAL_LIST"):
    asked = deployed(record, document, named, way)
    if record.id in NOBODY:
        with pytest.raises(Unfit):
            carving.take_out(asked)
        return
    edit = carving.take_out(asked)
    (change,) = edit.changes
    assert edit.proof.holds
    assert statements(change.after) == statements(json.dumps(by_hand(record, lambda one: None)))
    with pytest.raises(carving.AlreadySo):
        carving.take_out(deployed(record, json.loads(change.after), named, way))


OTHERS = {
    "Region": ("VALUE_LIST", {"regions": (made.REGION,)}, "StringNotEquals", "aws:RequestedRegion", made.REGION),
    "Region, case aside": (
        "VALUE_LIST", {"regions": (made.REGION,)}, "StringNotEqualsIgnoreCase", "aws:RequestedRegion", made.REGION,
    ),
    "tag": ("TAG", {"tags": (("dp:exclude:it", "yes"),)}, "StringNotEquals", "aws:ResourceTag/dp:exclude:it", "yes"),
    "tag, if it exists": (
        "TAG", {"tags": (("dp:exclude:it", "yes"),)}, "StringNotLikeIfExists", "aws:resourcetag/dp:exclude:it", "yes",
    ),
    "account": ("VALUE_LIST", {}, "StringNotEquals", "aws:PrincipalAccount", SHOP),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize(
    "record", [one for one in DECIDING if one.type == SCP], ids=lambda one: one.id
)
def test_other_values_are_taken_out_as_well(record, what):
    way, named, operator, key, value = OTHERS[what]
    document = by_hand(record, listed(operator, key, value))
    edit = carving.take_out(deployed(record, document, scope(**named), way))
    (change,) = edit.changes
    assert edit.proof.holds
    assert statements(change.after) == statements(json.dumps(by_hand(record, lambda one: None)))


CONFIG = made.catalogue()["mon-config"]
REGIONS = made.catalogue()["acct-regions"]
DELETING = {"ArnLike": {"aws:PrincipalArn": PARTNER}}


def config(*changes, more=()):
    """mon-config with these changes one after another, and further statements."""

    def change(statement):
        for one in changes:
            one(statement)

    document = by_hand(CONFIG, change)
    document["Statement"][1:1] = more
    return document


def exempt(value=PARTNER, **how):
    return listed("ArnNotLike", "aws:PrincipalArn", value, **how)


def taken_out(document, named=None, way="PRINCIPAL_LIST", **changes):
    asked = deployed(CONFIG, document, named or scope(principals=(PARTNER,)), way, **changes)
    edit = carving.take_out(asked)
    return json.loads(edit.changes[0].minified)["Statement"], edit


def original(number=0):
    return engine.document(engine.parse(by_hand(CONFIG, lambda one: None)))["Statement"][number]


class TestWhatGoesWithIt:
    @pytest.mark.parametrize("operator", ["DateGreaterThanEquals", "DateGreaterThan"])
    @pytest.mark.parametrize("is_served", [True, False])
    def test_the_deny_from_its_end_on(self, operator, is_served):
        ending = json.loads(json.dumps(CONFIG.policy["Statement"][0])) | {
            "Sid": "MonConfigEnds",
            "Condition": {
                "ArnLike": {"aws:principalarn": [PARTNER]},
                operator: {"aws:CurrentTime": made.UNTIL},
            },
        }
        document = config(exempt(), more=[ending])
        serving = {"p-mon-config": frozenset({0, 1} if is_served else {0})}
        asked = deployed(CONFIG, document, scope(principals=(PARTNER,)), "TIME_LIMIT")
        edit = carving.take_out(replace(asked, serving=serving))
        assert json.loads(edit.changes[0].minified)["Statement"] == [original(), original(1)]

    def test_of_an_end_that_is_another_ones_as_well_the_own_part(self):
        theirs = PARTNER.replace("Acme", "Other")
        ending = json.loads(json.dumps(CONFIG.policy["Statement"][0])) | {
            "Sid": "Ends",
            "Condition": {
                "ArnLike": {"aws:PrincipalArn": [theirs, PARTNER]},
                "DateGreaterThanEquals": {"aws:CurrentTime": made.UNTIL},
            },
        }
        found, _ = taken_out(config(exempt(theirs), exempt(), more=[ending]), way="TIME_LIMIT")
        assert found[0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"][-1] == theirs
        assert found[1]["Condition"]["ArnLike"] == {"aws:PrincipalArn": theirs}

    def test_a_deny_of_the_exempt_that_says_more_stays(self):
        more = {
            "Sid": "More",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": DELETING,
        }
        found, edit = taken_out(config(exempt(), more=[more | {"Action": "budgets:*"}]))
        assert found == [original(), more | {"Action": "budgets:*"}, original(1)]
        assert edit.proof.holds

    def test_what_is_left_of_a_split_that_somebody_changed(self):
        asked = made.asked(
            "mon-config",
            "PRINCIPAL_LIST",
            scope(principals=(PARTNER,), actions=("config:StopConfigurationRecorder",)),
        )
        edit = carving.put_in(asked)
        document = json.loads(edit.changes[0].minified)
        for number, one in enumerate(document["Statement"]):
            one["Sid"] = f"Mine{number}"
        exempt("arn:aws:iam::*:role/Somebody")(document["Statement"][0])
        changed = replace(made.put_in_place(asked, edit), kept=made.kept(edit))
        policy = replace(made.standing("mon-config"), text=json.dumps(document))
        back = carving.take_out(replace(changed, ground=made.ground(policy)))
        (left,) = json.loads(back.changes[0].minified)["Statement"]
        assert PARTNER not in json.dumps(left)
        assert "role/Somebody" in json.dumps(left)

    def test_not_action_and_not_resource(self):
        everything = {
            "Sid": "Frozen", "Effect": "Deny", "Resource": "*",
            "NotAction": ["config:StopConfigurationRecorder", "iam:Get*"],
        }  # fmt: skip
        document = config(more=[everything])
        named = scope(actions=("config:StopConfigurationRecorder",))
        del document["Statement"][0]
        asked = deployed(CONFIG, document, named, "VALUE_LIST")
        edit = carving.take_out(asked)
        first, rest = json.loads(edit.changes[0].minified)["Statement"]
        assert (first["NotAction"], rest) == ("iam:Get*", original(1))

    def test_by_a_key_that_only_the_collection_knows_of(self):
        tagged = listed("StringNotEquals", "aws:userid", "AROAEXAMPLE:session")
        seen = (Sighted("p-mon-config", 0, "aws:userid", "AROAEXAMPLE:session"),)
        named = scope(principals=("arn:aws:iam::111122223333:role/AcmeMetricsReader",))
        asked = deployed(CONFIG, config(tagged, exempt()), named, sighted=seen)
        edit = carving.take_out(asked)
        assert json.loads(edit.changes[0].minified)["Statement"] == [original(), original(1)]

    def test_any_account_where_the_policy_reaches_no_other(self):
        anywhere = PARTNER.replace(SHOP, "*")
        asked = deployed(CONFIG, config(exempt(anywhere)), scope(principals=(PARTNER,)))
        on = made.ground(asked.ground.policies["p-mon-config"], attached={SHOP: ("p-mon-config",)})
        edit = carving.take_out(replace(asked, ground=on))
        assert json.loads(edit.changes[0].minified)["Statement"][0] == original()

    def test_more_than_was_asked_for_is_told(self):
        named = scope(principals=(PARTNER,), actions=("config:StopConfigurationRecorder",))
        _, edit = taken_out(config(exempt()), named)
        assert "beyond its scope" in " ".join(edit.warnings)
        _, edit = taken_out(config(exempt()))
        assert [one for one in edit.warnings if "beyond" in one] == []

    def test_what_stays_in_other_statements_is_told(self):
        named = scope(principals=(PARTNER,), actions=("config:StopConfigurationRecorder",))
        _, edit = taken_out(config(exempt()), named)
        assert "in AnothersAlone as well" in edit.warnings[0]


class TestWhereNoneCanBeMade:
    @pytest.mark.parametrize(
        ("value", "more"),
        [
            (PARTNER.replace("MetricsReader", "*"), "else that the pattern fits"),
            (PARTNER.replace(SHOP, "*"), "in every other account"),
        ],
    )
    @pytest.mark.parametrize("both", [True, False])
    def test_a_pattern_that_lets_through_more(self, value, more, both):
        changes = [exempt(value), exempt()] if both else [exempt(value)]
        with pytest.raises(Unfit, match="which lets through more than EX-0042") as refused:
            taken_out(config(*changes))
        assert f'"{value}"' in refused.value.why
        assert more in refused.value.why
        assert "by hand" in refused.value.instead

    def test_a_tag_of_whatever_value(self):
        tagged = listed("Null", "aws:ResourceTag/dp:exclude:it", "true", is_text=True)
        seen = (Sighted("p-mon-config", 0, "aws:ResourceTag/dp:exclude:it", "true", is_wider=True),)
        named = scope(tags=(("dp:exclude:it", "yes"),))
        with pytest.raises(Unfit, match="whatever else it stands for"):
            taken_out(config(tagged), named, "TAG", sighted=seen)

    def test_a_deny_of_a_few_alone(self):
        few = listed("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/Few", is_text=True)
        seen = (
            Sighted(
                *("p-mon-config", 0, "aws:PrincipalArn", "anything but arn:aws:iam::*:role/Few"),
                is_wider=True,
            ),
        )
        with pytest.raises(Unfit, match="does not name"):
            taken_out(config(few), sighted=seen)

    def test_nothing_of_it_is_there(self):
        with pytest.raises(carving.AlreadySo):
            taken_out(config())

    def test_a_copy_of_the_statement_that_exempts_it_in_a_second_policy(self):
        """Both are edited: taken out of one alone it would change nothing."""
        first = made.standing("mon-config", document=config(exempt()))
        second = replace(first, id="p-2")
        asked = made.asked(
            "mon-config",
            "PRINCIPAL_LIST",
            on=made.ground(first, second),
            serving={"p-mon-config": frozenset({0}), "p-2": frozenset({0})},
        )
        assert len(carving.take_out(asked).changes) == 2

    def test_requests_without_the_key_are_not_denied_for_its_sake(self):
        organised = listed("ForAnyValue:StringNotEquals", "aws:RequestedRegion", made.REGION)
        with pytest.raises(Unfit, match="about requests without"):
            taken_out(config(organised), scope(regions=(made.REGION,)), "VALUE_LIST")


class TestOthersThatHoldOn:
    def neighbour(self, way="PRINCIPAL_LIST", **named):
        return Neighbour("EX-0050", scope(**named), carving.Kept(), Way(way))

    def test_a_value_that_both_have_stays(self):
        other = self.neighbour(principals=(PARTNER,), actions=("config:DeleteDeliveryChannel",))
        with pytest.raises(carving.AlreadySo, match="stays: EX-0050 holds on"):
            taken_out(config(exempt()), others=(other,))

    def test_what_is_its_own_goes_and_what_both_have_stays(self):
        second = PARTNER.replace("Acme", "Other")
        named = scope(principals=(PARTNER, second))
        other = self.neighbour(principals=(second,))
        found, edit = taken_out(config(exempt(), exempt(second)), named, others=(other,))
        assert found[0]["Condition"]["ArnNotLike"]["aws:PrincipalArn"][-1] == second
        assert PARTNER not in json.dumps(found[0])
        assert f'"{second}" stays: EX-0050' in edit.warnings[0]

    def test_a_pattern_is_anothers_where_that_asked_for_it(self):
        wide = PARTNER.replace("MetricsReader", "*")
        other = self.neighbour(principals=(wide,))
        with pytest.raises(carving.AlreadySo, match="by another exception as well"):
            taken_out(config(exempt(), exempt(wide)), others=(other,))

    def test_an_approved_edit_is_not_undone_where_another_one_relies_on_it(self):
        """Another one found that it got through already, so that no edit was ever made for it."""
        asked = made.asked("mon-config", "PRINCIPAL_LIST")
        edit = carving.put_in(asked)
        other = Neighbour(
            "EX-0050", scope(principals=(PARTNER,), regions=("eu-north-1",)), carving.Kept()
        )
        after = replace(made.put_in_place(asked, edit), kept=made.kept(edit))
        assert carving.take_out(after).proof.holds
        with_other = replace(after, others=(other,))
        back = carving.take_out(with_other)
        assert "eu-north-1" in back.changes[0].after
        assert back.proof.holds

    def test_others_get_through_as_before(self):
        second = PARTNER.replace("Acme", "Other")
        other = self.neighbour(principals=(second,))
        found, edit = taken_out(config(exempt(), exempt(second)), others=(other,))
        assert second in json.dumps(found[0])
        assert edit.proof.holds


class TestValuesFurtherDown:
    """ec2-imdsv2 taken back for one account by a policy that somebody made under another name."""

    RECORD = made.catalogue()["ec2-imdsv2"]
    PATH = ("ec2_attributes", "instance_metadata_defaults")

    def asked(self, *, value="optional", more=None, targets=(SHOP,)):
        settings = {"http_tokens": {"@@assign": value}} | (more or {})
        document = {self.PATH[0]: {self.PATH[1]: settings}}
        there = replace(
            made.standing("ec2-imdsv2", document=document), id="p-own", name="their-own"
        )
        attached = {"ou-work": ("p-ec2-imdsv2",)} | dict.fromkeys(targets, ("p-own",))
        on = made.ground(made.standing("ec2-imdsv2"), there, attached=attached)
        return made.asked("ec2-imdsv2", "CHILD_OVERRIDE", scope(), on=on)

    def test_it_is_detached_and_deleted_whatever_its_name(self):
        edit = carving.take_out(self.asked())
        (change,) = edit.changes
        assert (change.name, change.after, change.detach) == ("their-own", "", (SHOP,))
        assert edit.proof.holds

    def test_one_that_demands_the_same_stays(self):
        with pytest.raises(Unfit, match="nor any other"):
            carving.take_out(self.asked(value="required"))

    def test_one_that_sets_or_reaches_more_is_left_to_people(self):
        more = {"http_endpoint": {"@@assign": "disabled"}}
        with pytest.raises(Unfit, match=r"sets .*http_endpoint as well"):
            carving.take_out(self.asked(more=more))
        with pytest.raises(Unfit, match="is attached to Bank as well"):
            carving.take_out(self.asked(targets=(SHOP, made.BANK)))


ARNS = [PARTNER, *(f"arn:aws:iam::{SHOP}:role/{name}" for name in ("Acme", "Other", "Third"))]
ACTIONS = ["s3:DeleteBucket", "s3:PutBucketAcl"]
LISTS = st.lists(st.sampled_from(ARNS), unique=True, min_size=1)
HAND_WRITTEN = st.lists(
    st.builds(
        lambda action, operator, values, more: {
            "Effect": "Deny",
            "Action": action,
            "Resource": "*",
            "Condition": {operator: {"aws:principalarn": values}} | more,
        },
        st.sampled_from(["*", ACTIONS, ACTIONS[0], ACTIONS[1:]]),
        st.sampled_from(
            ["ArnNotLike", "arnnotequals", "StringNotLikeIfExists", "StringNotEquals", "ArnLike"]
        ),
        LISTS,
        st.sampled_from(
            [{}, {"DateGreaterThan": {"aws:CurrentTime": made.UNTIL}}, {"Bool": {"aws:x": "true"}}]
        ),
    ),
    min_size=1,
    max_size=4,
)


@given(denies=HAND_WRITTEN, numbers=st.sets(st.integers(0, 3)))
def test_whatever_was_written_the_principal_alone_loses_and_only_what_serves_changes(
    denies, numbers
):
    policy = engine.parse({"Version": "2012-10-17", "Statement": denies})
    wanted = Wanted("EX-0042", frozenset({("aws:principalarn", PARTNER)}))
    numbers = {number for number in numbers if number < len(denies)}
    try:
        after = pluck(policy, numbers, wanted).carved
    except carving.AlreadySo:
        return
    # What does not serve is as it was, but for Denies with a date that are about the principal.
    dated = {n for n, one in enumerate(denies) if "DateGreaterThan" in one["Condition"]}
    for number, one in enumerate(policy.statements):
        assert one in after.policy.statements or number in numbers | dated
    for arn, action, moment, x in itertools.product(ARNS, ACTIONS, MOMENTS, ("true", "false")):
        request = engine.Request(
            action,
            "*",
            engine.principal_of(arn),
            context={
                "aws:currenttime": engine.present(moment),
                "aws:x": engine.present(x),
            },
        )
        was, now = (_denies(request, one) for one in (policy, after.policy))
        assert now == was or (arn == PARTNER and now)


MOMENTS = ["2026-11-24T09:00:00Z", "2027-06-01T00:00:00Z"]


def _denies(request, policy):
    return any(engine.statement_truth(one, request) is engine.TRUE for one in policy.statements)
