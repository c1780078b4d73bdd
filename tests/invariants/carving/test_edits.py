"""Edits of single policies: what is written, and where none can be."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invariants import carving, engine
from invariants.carving import Scope, Unfit
from invariants.carving.boxes import layer_of, sides
from invariants.carving.globs import covers, overlap
from invariants.carving.policies import carve, read, usual_of
from invariants.carving.undoing import Other, Undoing, uncarve
from invariants.catalog import SCP
from invariants.engine import Outcome
from tests.invariants.carving import made
from tests.invariants.carving.made import BANK, PARTNER, SHOP, UNTIL, scope

ROLES = ["arn:aws:iam::*:role/protected/PlatformDeployer"]


def statement(**changes):
    values = {"Sid": "Keep", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}
    return values | changes


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def carved(named, *statements, reach=None):
    """The statements after the edit, as JSON."""
    policy = read(document(*statements), engine.Grammar.SCP)
    found = sides(named, engine.Layer.SCP, org_id="o-a", reach=reach)
    after = carve(policy, range(len(statements)), found, token="EX0042").policy
    return engine.document(after)["Statement"]


def refused(named, *statements):
    with pytest.raises(Unfit) as caught:
        carved(named, *statements)
    return caught.value


class TestWhatIsWritten:
    def test_a_principal_joins_the_list_that_is_there(self):
        (one,) = carved(
            scope(principals=(PARTNER,), until=""),
            statement(Condition={"ArnNotLike": {"aws:PrincipalArn": ROLES}}),
        )
        assert one["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [*ROLES, PARTNER]}}

    def test_without_a_list_a_condition_is_added(self):
        (one,) = carved(scope(principals=(PARTNER,), until=""), statement())
        assert one["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": PARTNER}}

    def test_a_role_of_any_account_becomes_one_of_the_accounts_named(self):
        anywhere = "arn:aws:iam::*:role/Deployer"
        (one,) = carved(scope(principals=(anywhere,), until=""), statement())
        wanted = f"arn:aws:iam::{SHOP}:role/Deployer"
        assert one["Condition"]["ArnNotLike"] == {"aws:PrincipalArn": wanted}

    def test_what_ends_by_itself_is_denied_again_from_the_moment_on(self):
        first, second = carved(scope(principals=(PARTNER,)), statement())
        assert first["Sid"] == "Keep"
        assert first["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": PARTNER}}
        assert second["Sid"] == "KeepEX0042a"
        assert second["Condition"] == {
            "ArnLike": {"aws:PrincipalArn": PARTNER},
            "DateGreaterThanEquals": {"aws:CurrentTime": UNTIL},
        }

    def test_the_account_is_said_where_the_policy_reaches_others(self):
        named = scope(regions=("eu-north-1",), until="")
        away = statement(Condition={"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1"]}})
        first, second = carved(named, away, reach={SHOP, BANK})
        assert first["Condition"]["StringNotEquals"] == {
            "aws:RequestedRegion": "eu-central-1",
            "aws:PrincipalAccount": SHOP,
        }
        assert second["Condition"]["StringNotEquals"] == {
            "aws:RequestedRegion": ["eu-central-1", "eu-north-1"]
        }
        assert second["Condition"]["StringEquals"] == {"aws:PrincipalAccount": SHOP}
        (alone,) = carved(named, away, reach={SHOP})
        assert alone["Condition"]["StringNotEquals"] == second["Condition"]["StringNotEquals"]

    def test_an_ou_is_said_by_its_path(self):
        named = Scope(ous=("r-ab12/ou-work/",), members=frozenset({SHOP}))
        (one,) = carved(named, statement(), reach={SHOP, BANK})
        assert one["Condition"] == {
            "ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-a/r-ab12/ou-work/*"}
        }

    def test_one_action_of_several_is_left_to_the_principal(self):
        named = scope(principals=(PARTNER,), actions=("s3:DeleteBucket",), until="")
        first, second = carved(named, statement(Action=["s3:DeleteBucket", "s3:PutBucketAcl"]))
        assert first["Action"] == ["s3:DeleteBucket", "s3:PutBucketAcl"]
        assert second["Action"] == "s3:PutBucketAcl"
        assert second["Condition"] == {"ArnLike": {"aws:PrincipalArn": PARTNER}}

    def test_statements_that_are_about_other_actions_stay(self):
        other = statement(Sid="Other", Action="s3:PutBucketAcl")
        named = scope(principals=(PARTNER,), actions=("s3:DeleteBucket",), until="")
        found = carved(named, statement(), other)
        assert found[-1] == other

    def test_a_wildcard_that_lets_it_through_already_is_enough(self):
        wide = statement(
            Condition={"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{SHOP}:role/Acme*"}}
        )
        assert carved(scope(principals=(PARTNER,)), wide) == [wide]


class TestWhereNoneCanBeMade:
    @pytest.mark.parametrize(
        ("principal", "part"),
        [
            ("*", "names nobody"),
            ("arn:aws:iam::111122223333:role/*", "names nobody"),
            ("lambda.amazonaws.com", "is an AWS service"),
            ("arn:aws:sts::111122223333:assumed-role/Admin/me", "ARN of a session"),
            ("arn:aws:iam::111122223333:role/aws-service-role/x/Y", "service-linked"),
            ("arn:aws:iam::111122223333:group/Admins", "no role and no user"),
            ("arn:aws:iam::222233334444:role/Other", "the scope does not name"),
            ("Somebody", "names nobody"),
        ],
    )
    def test_a_principal_that_no_list_can_hold(self, principal, part):
        error = refused(scope(principals=(principal,)), statement())
        assert part in error.why
        assert error.instead

    @pytest.mark.parametrize(
        ("changes", "part"),
        [
            ({"actions": ("everything",)}, "no action"),
            ({"regions": ("Frankfurt",)}, "no Region"),
            ({"resources": ("my-bucket",)}, "no ARN"),
            ({"tags": (("a${b}", "c"),)}, "no tag"),
        ],
    )
    def test_a_line_that_no_policy_can_hold(self, changes, part):
        assert part in refused(scope(**changes), statement()).why

    def test_an_action_that_the_policy_names_by_a_wildcard(self):
        named = scope(principals=(PARTNER,), actions=("s3:GetObject",))
        assert '"s3:*"' in refused(named, statement(Action="s3:*")).why

    def test_a_policy_of_which_nothing_would_be_left(self):
        named = scope(actions=("s3:DeleteBucket",), until="")
        policy = read(document(statement()), engine.Grammar.SCP)
        found = sides(named, engine.Layer.SCP, org_id="o-a", reach={SHOP})
        with pytest.raises(Unfit, match="Nothing would be left"):
            carve(policy, [0], found, token="EX0042")

    def test_a_policy_that_would_be_too_large(self):
        many = tuple(f"arn:aws:iam::{SHOP}:role/Reader{number:04}" for number in range(300))
        with pytest.raises(Unfit, match=r"AWS takes 10240") as caught:
            carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", scope(principals=many)))
        assert "characters or more" in caught.value.instead

    def test_a_policy_that_aws_keeps(self):
        kept = replace(made.standing("mon-config"), is_kept_by_aws=True)
        with pytest.raises(Unfit, match="would be undone"):
            carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", on=made.ground(kept)))

    def test_a_policy_that_nobody_could_read(self):
        kept = replace(made.standing("mon-config"), text="")
        with pytest.raises(Unfit, match="could not be read"):
            carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", on=made.ground(kept)))

    def test_the_management_account(self):
        named = scope(accounts=(made.PAYER,), members=frozenset({made.PAYER}))
        with pytest.raises(Unfit, match="management account"):
            carving.put_in(made.asked("mon-config", "VALUE_LIST", named))

    @pytest.mark.parametrize("way", ["PRINCIPAL_LIST", "TAG", "TIME_LIMIT"])
    def test_a_scope_that_lacks_what_the_mechanism_needs(self, way):
        with pytest.raises(Unfit, match="The scope says no"):
            carving.put_in(made.asked("mon-config", way, scope(until="")))

    def test_a_list_for_a_policy_that_sets_values(self):
        with pytest.raises(Unfit, match="sets values"):
            carving.put_in(made.asked("s3-bpa", "PRINCIPAL_LIST"))


class TestAroundThePolicy:
    def test_several_policies_that_serve_are_all_edited(self):
        policies = [made.standing("mon-config", policy_id=f"p-{n}") for n in (1, 2)]
        numbers = frozenset({0})
        edit = carving.put_in(
            made.asked(
                "mon-config",
                "PRINCIPAL_LIST",
                on=made.ground(*policies),
                serving={one.id: numbers for one in policies},
            )
        )
        assert [change.policy_id for change in edit.changes] == ["p-1", "p-2"]
        assert edit.warnings == ()

    def test_another_policy_that_denies_the_same_is_told_of(self):
        second = made.standing("mon-config", policy_id="p-2")
        on = made.ground(made.standing("mon-config"), second)
        edit = carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", on=on))
        assert "mon-config (MonConfig) denies" in edit.warnings[0]

    def test_where_none_serves_the_catalogues_own_text_is_changed(self):
        edit = carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", serving={}))
        assert edit.changes[0].policy_id == ""
        assert edit.steps[0].startswith("No policy serves mon-config")

    def test_statements_of_other_invariants_in_the_policy_stay_to_the_letter(self):
        both = json.loads(made.standing("mon-config").text)
        other = json.loads(made.standing("net-edge").text)["Statement"]
        both["Statement"] += other
        on = made.ground(made.standing("mon-config", document=both))
        edit = carving.put_in(
            made.asked("mon-config", "TIME_LIMIT", on=on, serving={"p-mon-config": frozenset({0})})
        )
        after = json.loads(edit.changes[0].minified)["Statement"]
        assert [one for one in after if one["Sid"] == "NetEdge"] == [
            engine.document(engine.parse(both))["Statement"][1]
        ]

    def test_a_tag_that_nothing_guards_gets_a_guard(self):
        named = scope(tags=(("exempt", "yes"),), until="")
        asked = made.asked("mon-config", "TAG", named)
        edit = carving.put_in(asked)
        guard = json.loads(edit.changes[0].after)["Statement"][-1]
        assert guard["Sid"] == "EX0042Guard"
        assert guard["Condition"]["ForAnyValue:StringLike"] == {"aws:TagKeys": ["exempt"]}
        assert not any("guards the tag" in one for one in edit.changes[0].remarks)
        back = carving.take_out(made.put_in_place(asked, edit))
        assert json.loads(back.changes[0].after) == json.loads(edit.changes[0].before)

    @pytest.mark.parametrize("whose", ["tags", "principal_tags"])
    def test_an_rcp_cannot_guard_a_tag(self, whose):
        named = scope(until="", **{whose: (("exempt", "yes"),)})
        with pytest.raises(Unfit, match="Nothing guards the tag exempt"):
            carving.put_in(made.asked("tls-only", "TAG", named))

    def test_a_guard_elsewhere_guards_nothing_here(self):
        named = scope(tags=(("dp:exclude:it", "yes"),), until="")
        policies = (made.standing("mon-config"), made.standing("dp-tags"))
        for at, sids in (("ou-work", []), ("ou-exc", ["EX0042Guard"])):
            on = made.ground(*policies, attached={"ou-work": ("p-mon-config",)})
            attached = {**on.attached, at: (*on.attached[at], "p-dp-tags")}
            edit = carving.put_in(
                made.asked("mon-config", "TAG", named, on=replace(on, attached=attached))
            )
            after = json.loads(edit.changes[0].after)["Statement"]
            assert [one["Sid"] for one in after if one["Sid"].startswith("EX0042")] == sids

    def test_what_the_linter_says_of_the_new_text_alone_is_told(self):
        wide = f"arn:aws:iam::{SHOP}:role/Acme*"
        edit = carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST", scope(principals=(wide,))))
        assert "Anybody who may create roles" in " ".join(edit.changes[0].remarks)

    def test_statements_that_are_split_on_purpose_are_no_mistake(self):
        edit = carving.put_in(made.asked("mon-config", "TIME_LIMIT"))
        assert len(json.loads(edit.changes[0].after)["Statement"]) == 2
        assert edit.changes[0].remarks == ()

    def test_the_files_hold_the_whole_resource(self):
        edit = carving.put_in(made.asked("mon-config", "PRINCIPAL_LIST"))
        assert edit.diff.startswith("--- a/mon-config.json\n+++ b/mon-config.json\n@@ ")
        assert f'+            "{PARTNER}"' in edit.diff
        assert 'id = "p-mon-config"' in edit.terraform
        assert 'resource "aws_organizations_policy" "mon_config" {' in edit.terraform
        assert json.loads(json.dumps(edit.as_json()))["marks"][0]["values"] == [PARTNER]


class TestPrincipalsByTag:
    TAGGED = scope(principal_tags=(("team", "billing"), ("Team", "tax")), until="")

    def test_whoever_carries_the_tag_gets_through_and_only_the_platform_sets_it(self):
        edit = carving.put_in(made.asked("mon-config", "TAG", self.TAGGED))
        first, elsewhere, guard = json.loads(edit.changes[0].after)["Statement"]
        assert first["Condition"]["StringNotEquals"] == {
            "aws:PrincipalTag/team": ["billing", "tax"]
        }
        # The policy reaches another account as well, where the tag is worth nothing.
        assert elsewhere["Condition"]["StringEquals"] == {
            "aws:PrincipalTag/team": ["billing", "tax"]
        }
        assert elsewhere["Condition"]["StringNotEquals"] == {"aws:PrincipalAccount": [made.SHOP]}
        assert guard["Sid"] == "EX0042Guard"
        # Team is a tag of principals like team.
        assert guard["Condition"]["ForAnyValue:StringEqualsIgnoreCase"] == {"aws:TagKeys": ["team"]}
        assert {case.side for case in edit.proof.denied} >= {"PRINCIPAL"}

    def test_the_edit_says_what_the_exemption_hangs_on(self):
        edit = carving.put_in(made.asked("mon-config", "TAG", self.TAGGED))
        said = " ".join(edit.about_tags)
        assert "Nothing guards the tag today: the statement EX0042Guard" in said
        assert "only as good as the protection of the tag: whoever may set team=billing" in said
        assert "(iam:TagRole, iam:TagUser)" in said and "(sts:TagSession)" in said
        assert any("on the roles or users that are meant" in step for step in edit.steps)
        assert edit.as_json()["about_tags"] == list(edit.about_tags)

    def test_a_tag_that_is_guarded_already_needs_no_guard(self):
        named = scope(principal_tags=(("dp:exclude:it", "yes"),), until="")
        on = made.ground(made.standing("mon-config"), made.standing("dp-tags"))
        edit = carving.put_in(made.asked("mon-config", "TAG", named, on=on))
        assert "EX0042Guard" not in edit.changes[0].after
        assert edit.about_tags[0].startswith("A policy in force guards the tag: see in it who may")

    def test_a_guard_of_other_tagging_does_not_count(self):
        named = scope(principal_tags=(("dp:exclude:it", "yes"),), until="")
        buckets = json.loads(made.standing("dp-tags").text)
        buckets["Statement"][0]["Action"] = ["s3:*", "iam:TagRole"]
        on = made.ground(made.standing("mon-config"), made.standing("dp-tags", document=buckets))
        edit = carving.put_in(made.asked("mon-config", "TAG", named, on=on))
        assert "EX0042Guard" in edit.changes[0].after

    def test_an_rcp_lets_tags_of_our_own_organisation_count_alone(self):
        named = scope(principal_tags=(("dp:exclude:it", "yes"),), until="")
        policies = (made.standing("tls-only"), made.standing("dp-tags"))
        attached = {"ou-work": ("p-tls-only",), "r-ab12": ("p-dp-tags",)}
        edit = carving.put_in(
            made.asked("tls-only", "TAG", named, on=made.ground(*policies, attached=attached))
        )
        added = [
            one["Condition"]
            for one in json.loads(edit.changes[0].after)["Statement"]
            if "EX0042" in one["Sid"]
        ]
        at_home = [one for one in added if "StringNotEqualsIfExists" in one]
        assert at_home and all(
            one["StringEquals"]["aws:PrincipalTag/dp:exclude:it"] == ["yes"]
            and one["StringNotEqualsIfExists"]["aws:PrincipalOrgID"] == [made.ORG]
            for one in at_home
        )
        assert "HOME" in {case.side for case in edit.proof.denied}

    def test_an_rcp_wants_the_guard_in_every_account(self):
        named = scope(principal_tags=(("dp:exclude:it", "yes"),), until="")
        policies = (made.standing("tls-only"), made.standing("dp-tags"))
        attached = {"ou-work": ("p-tls-only",), made.SHOP: ("p-dp-tags",)}
        with pytest.raises(Unfit, match="Nothing guards the tag dp:exclude:it"):
            carving.put_in(
                made.asked("tls-only", "TAG", named, on=made.ground(*policies, attached=attached))
            )


class TestRenewals:
    def test_a_later_end_moves_the_date_and_its_end_takes_all_of_it_out(self):
        asked = made.asked("mon-config", "TIME_LIMIT")
        first = carving.put_in(asked)
        later = replace(
            made.put_in_place(asked, first),
            ref="EX-0050",
            renews=("EX-0042",),
            scope=scope(principals=(PARTNER,), until="2027-03-31T22:00:00Z"),
        )
        second = carving.put_in(later)
        went = [line for line in second.diff.splitlines() if line.startswith("-  ")]
        assert [line.strip(" -") for line in went] == [f'"{UNTIL}"']
        over = replace(made.put_in_place(later, second), kept=made.kept(first))
        back = carving.take_out(over)
        assert json.loads(back.changes[0].after) == json.loads(first.changes[0].before)


class TestMoves:
    def test_a_policy_at_the_root_follows_the_account(self):
        policy = made.standing("mon-config")
        on = made.ground(policy, attached={"r-ab12": (policy.id,)})
        with pytest.raises(Unfit, match="in force there as well"):
            carving.put_in(made.asked("mon-config", "EXCEPTIONS_OU", scope(), on=on))

    def test_more_than_the_account_has_room_for(self):
        others = [
            replace(made.standing("mon-analyzer"), id=f"p-{n}", name=f"other-{n}")
            for n in range(10)
        ]
        on = made.ground(made.standing("mon-config"), *others)
        full = replace(
            on,
            attached=on.attached | {SHOP: ("p-FullAWSAccess", "p-own")},
            policies=dict(on.policies),
        )
        full.policies["p-own"] = replace(made.standing("mon-analyzer"), id="p-own")
        with pytest.raises(Unfit, match="no room for them: 12 of 10"):
            carving.put_in(made.asked("mon-config", "EXCEPTIONS_OU", scope(), on=full))

    def test_what_is_narrower_than_an_account(self):
        with pytest.raises(Unfit, match="more than was asked for"):
            carving.put_in(made.asked("mon-config", "EXCEPTIONS_OU"))

    def test_the_way_back(self):
        policy = made.standing("mon-config")
        on = made.ground(policy)
        places = dict(on.places)
        places[SHOP] = replace(places[SHOP], parent_id="ou-exc")
        asked = made.asked(
            "mon-config",
            "EXCEPTIONS_OU",
            scope(),
            on=replace(on, places=places),
            kept=carving.Kept(moved_from="ou-work"),
        )
        edit = carving.take_out(asked)
        assert '"ParentId": "ou-work"' in edit.changes[0].after
        assert "--destination-parent-id ou-work" in edit.terraform


# Patterns of few letters, so that they meet.
TEXTS = st.text(alphabet="ab*?", max_size=5)
PLAIN = st.text(alphabet="ab", max_size=6)


def matches(pattern, text):
    """Whether the text fits, by trying: the obvious way."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


@given(wide=TEXTS, narrow=TEXTS, text=PLAIN)
def test_patterns_cover_and_overlap_as_their_texts_do(wide, narrow, text):
    if covers(wide, narrow) and matches(narrow, text):
        assert matches(wide, text)
    if matches(wide, text) and matches(narrow, text):
        assert overlap(wide, narrow)


ARNS = [f"arn:aws:iam::{account}:role/{name}" for account in (SHOP, BANK) for name in "abc"]
REGIONS = ["eu-central-1", "eu-north-1", "us-east-1"]
ACTIONS = ["s3:DeleteBucket", "s3:PutBucketAcl", "ec2:RunInstances"]
MOMENTS = ["2026-11-24T09:00:00Z", UNTIL, "2027-06-01T00:00:00Z"]


def some(values):
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


SCOPES = st.builds(
    Scope,
    accounts=st.just((SHOP, BANK)),
    members=st.just(frozenset({SHOP, BANK})),
    principals=some(ARNS),
    regions=some(REGIONS),
    actions=some(ACTIONS),
    until=st.sampled_from(["", UNTIL]),
)
DENIES = st.lists(
    st.builds(
        statement,
        Sid=st.sampled_from(["A", "B", "C"]),
        Action=st.sampled_from(["*", ACTIONS, ACTIONS[:2], [ACTIONS[0]]]),
        Condition=st.sampled_from(
            [
                {"ArnNotLike": {"aws:PrincipalArn": [ARNS[0]]}},
                {"StringNotEquals": {"aws:RequestedRegion": REGIONS[:1]}},
                {"ArnLike": {"aws:PrincipalArn": ARNS[:2]}},
                {"Bool": {"aws:SecureTransport": "true"}},
            ]
        ),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one["Sid"],
)


def in_box(named, arn, region, action, moment):
    """Read from the scope alone."""
    return (
        (not named.principals or arn in named.principals)
        and (not named.regions or region in named.regions)
        and (not named.actions or action in named.actions)
        and (not named.until or moment < named.until)
    )


@given(
    named=SCOPES,
    denies=DENIES,
    arn=st.sampled_from(ARNS),
    region=st.sampled_from(REGIONS),
    action=st.sampled_from(ACTIONS),
    moment=st.sampled_from(MOMENTS),
)
def test_exactly_the_scope_gets_through_whatever_the_policy(
    named, denies, arn, region, action, moment
):
    policy = read(document(*denies), engine.Grammar.SCP)
    found = sides(named, layer_of(SCP), org_id="o-a", reach=None)
    try:
        edit = carve(policy, range(len(denies)), found, token="EX0042")
    except Unfit:
        return
    request = request_of(arn, region, action, moment)
    before, after = (_outcome(request, one) for one in (policy, edit.policy))
    is_exempt = before is Outcome.DENIED and in_box(named, arn, region, action, moment)
    assert after is (Outcome.NOT_DENIED if is_exempt else before)
    again = carve(edit.policy, edit.numbers, found, token="EX0042")
    assert again.policy == edit.policy


@pytest.mark.parametrize("is_kept", [True, False])
@settings(deadline=None)
@given(first=SCOPES, second=SCOPES, denies=DENIES)
def test_taking_one_out_leaves_the_other_as_if_it_stood_alone(is_kept, first, second, denies):
    policy = read(document(*denies), engine.Grammar.SCP)
    one, other = (
        sides(named, layer_of(SCP), org_id="o-a", reach=None) for named in (first, second)
    )
    try:
        with_one = carve(policy, range(len(denies)), one, token="EX0042")
        with_both = carve(with_one.policy, with_one.numbers, other, token="EX0043")
        alone = carve(policy, range(len(denies)), other, token="EX0043")
        undoing = Undoing(
            tokens=("EX0042",),
            pieces=with_one.pieces if is_kept else (),
            usual=usual_of(policy),
            others=(Other(other, "EX0043", with_both.pieces if is_kept else ()),),
        )
        left = uncarve(with_both.policy, with_both.numbers, one, undoing)
    except Unfit:
        return
    for arn, region, action, moment in itertools.product(ARNS, REGIONS, ACTIONS, MOMENTS):
        request = request_of(arn, region, action, moment)
        assert _outcome(request, left.policy) is _outcome(request, alone.policy)


def request_of(arn, region, action, moment):
    return engine.Request(
        action,
        "*",
        engine.principal_of(arn),
        context={
            "aws:requestedregion": engine.present(region),
            "aws:currenttime": engine.present(moment),
            "aws:securetransport": engine.present("true"),
        },
    )


def _outcome(request, policy):
    everything = engine.parse(document({"Effect": "Allow", "Action": "*", "Resource": "*"}))
    attached = (engine.Attached("all", everything), engine.Attached("it", policy))
    stack = engine.compile_stack(engine.Layer.SCP, [engine.Level("root", attached)])
    return engine.evaluate(request, stack).outcome


@given(value=st.text(max_size=60), kind=st.sampled_from(["principals", "actions", "regions"]))
def test_whatever_is_written_there_is_an_edit_or_a_reason(value, kind):
    named = scope(**{kind: (value,)})
    way = "PRINCIPAL_LIST" if kind == "principals" else "VALUE_LIST"
    try:
        edit = carving.put_in(made.asked("mon-config", way, named))
    except Unfit as error:
        found = bool(error.why and error.instead)
    else:
        found = edit.proof.holds
    assert found
