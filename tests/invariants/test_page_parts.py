"""What the pages about invariants are made of: words, lines, the tree as a drawing, and counts."""

import json
import re

import pytest

from invariants.catalog import load
from invariants.catalog.wording import words
from invariants.models import Coverage
from invariants.models.coverage import COUNTS
from invariants.queries import ou_tree
from invariants.queries.counts import ORDER, Counts, total
from invariants.queries.coverage import OuCounts
from invariants.queries.policy_text import policy_text, text_lines
from posture import charts


@pytest.fixture(scope="module")
def catalogue():
    return load()


class TestAPolicyInWords:
    def test_every_policy_of_the_catalogue_has_words_for_each_statement(self, catalogue):
        for invariant in catalogue:
            said = words(invariant.policy, invariant.type)
            assert said, invariant.id
            assert all(one["text"] for one in said), invariant.id
            if invariant.is_authorisation:
                statements = invariant.policy["Statement"]
                number = len(statements) if isinstance(statements, list) else 1
                assert len(said) == number, invariant.id

    def test_never_says_that_anything_is_allowed(self):
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        [said] = words({"Statement": [statement]}, "SERVICE_CONTROL_POLICY")
        assert said["text"].startswith("Does not deny everybody")
        assert "allow" not in said["text"].lower()

    @pytest.mark.parametrize(
        ("condition", "text"),
        [
            ({"StringEquals": {"a:k": "v"}}, "a:k is v"),
            ({"StringNotEquals": {"a:k": "v"}}, "a:k is not v (also without such a key)"),
            (
                {"StringNotEquals": {"a:k": ["v", "w"]}},
                "a:k is neither v nor w (also without such a key)",
            ),
            ({"StringEqualsIfExists": {"a:k": "v"}}, "a:k is v (also without such a key)"),
            (
                {"ArnNotLike": {"a:k": ["v", "w"]}},
                "a:k matches none of v or w (also without such a key)",
            ),
            ({"StringEqualsIgnoreCase": {"a:k": "v"}}, "a:k is v, in upper or lower case"),
            (
                {"ForAllValues:StringEquals": {"a:k": "v"}},
                "every value of a:k is v (also where there is none)",
            ),
            ({"ForAnyValue:StringLike": {"a:k": "v*"}}, "at least one value of a:k matches v*"),
            ({"Null": {"a:k": "true"}}, "the request has no a:k"),
            ({"Null": {"a:k": "false"}}, "the request has a:k"),
            ({"NumericLessThan": {"a:k": "30"}}, "a:k is less than 30"),
            (
                {"NotIpAddress": {"a:k": "10.0.0.0/8"}},
                "a:k is not in 10.0.0.0/8 (also without such a key)",
            ),
        ],
    )
    def test_says_what_a_condition_is_true_of(self, condition, text):
        statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition}
        [said] = words({"Version": "2012-10-17", "Statement": statement}, "SERVICE_CONTROL_POLICY")
        assert said["conditions"] == [text]

    def test_says_the_values_of_a_management_policy(self):
        policy = {"ec2_attributes": {"serial": {"status": {"@@assign": "disabled"}}}}
        [said] = words(policy, "DECLARATIVE_POLICY_EC2")
        assert (said["sid"], said["text"]) == ("ec2_attributes.serial.status", "is disabled")

    def test_has_no_words_for_what_is_no_policy(self):
        assert words({"Statement": 3}, "SERVICE_CONTROL_POLICY") == ()


class TestTheTextOfAPolicy:
    def remark(self, path, **changes):
        return {"rule": "r", "severity": "WARNING", "path": path, "message": "m"} | changes

    def test_stands_in_the_order_in_which_people_read_it(self):
        lines = text_lines({"Resource": "*", "Action": ["a", "b"], "Effect": "Deny", "Sid": "S"})
        assert [re.sub(r"\W.*", "", line.strip(' "')) for line in lines[1:-1]] == [
            "Sid",
            "Effect",
            "Action",
            "Resource",
        ]

    def test_puts_each_remark_beside_its_line(self):
        policy = {"Statement": [{"Effect": "Deny", "Action": ["s3:*", "sqs:*"], "Resource": "*"}]}
        paths = ("$.Statement[0].Action[1]", "$.Statement[0].Nothing", "$", "nonsense")
        found = policy_text(policy, [self.remark(path) for path in paths])
        assert [remark.line for remark in found.remarks] == [5, 3, 1, 1]
        assert found.lines[4].text.strip().startswith('"Action"')
        assert found.lines[4].mark == "warning" and found.lines[5].mark == ""

    def test_finds_keys_with_any_sign_in_them(self):
        policy = {"Condition": {"StringEquals": {"aws:ResourceTag/dp:x": "1", 'od"d': "2"}}}
        paths = (
            "$.Condition.StringEquals.aws:ResourceTag/dp:x",
            '$.Condition.StringEquals["od\\"d"]',
        )
        found = policy_text(policy, [self.remark(path) for path in paths])
        assert [remark.line for remark in found.remarks] == [4, 5]

    def test_what_is_broken_on_purpose_is_shown_and_not_counted(self):
        found = policy_text({}, [self.remark("$", waived="we mean it")])
        assert found.open == () and found.lines[0].mark == "" and found.remarks

    def test_copies_as_the_json_that_it_is(self, catalogue):
        for invariant in catalogue:
            plain = json.loads(json.dumps(invariant.policy))
            assert json.loads(policy_text(plain, ()).plain) == plain


class TestCounts:
    def test_every_state_is_counted_once_and_named_once(self):
        each = Counts(**dict.fromkeys(COUNTS.values(), 1))
        assert set(ORDER) == set(Coverage.State) and each.total == len(ORDER)
        assert each.in_scope + each.out_of_scope == each.total
        assert all(str(state.label) in each.said for state in ORDER)

    def test_what_is_not_known_is_in_scope_and_does_not_hold(self):
        counts = Counts(enforced=3, unknown=1)
        assert (counts.protected, counts.in_scope) == (3, 4)

    def test_add_up(self):
        assert total([Counts(enforced=1), Counts(enforced=2, broken=1)]) == Counts(3, broken=1)


def place(ou_id, parent, counts, own=None, *, is_attached=False):
    return OuCounts(ou_id, ou_id, ou_id, parent, 0, counts, own or Counts(), is_attached)


class TestTheTree:
    def tree(self):
        return (
            place("root", "", Counts(enforced=8, missing=2)),
            place("prod", "root", Counts(enforced=8), Counts(enforced=4), is_attached=False),
            place("team", "prod", Counts(enforced=4), Counts(enforced=4), is_attached=True),
            place("mixed", "root", Counts(missing=2), Counts(missing=2)),
            place("empty", "root", Counts()),
        )

    def test_each_is_as_wide_as_its_accounts_and_its_children_fill_it(self):
        cells = {cell.ou_id: cell for cell in ou_tree.cells(self.tree()) if not cell.states}
        assert set(cells) == {"root", "prod", "team", "mixed"}
        assert cells["root"].width == pytest.approx(100)
        assert cells["prod"].width == pytest.approx(80)
        assert cells["mixed"].x == pytest.approx(80)
        assert cells["team"].row == 2

    def test_looks_and_says_what_it_is(self):
        looks = {cell.ou_id: cell.look for cell in ou_tree.cells(self.tree()) if not cell.states}
        assert looks == {"root": "root", "prod": "root", "team": "enforced", "mixed": "gap"}
        said = {cell.ou_id: cell.said for cell in ou_tree.cells(self.tree())}
        assert said["team"] == "team: 4 accounts, 4 enforced; attached here"

    def test_above_an_attachment_nothing_counts_as_inherited(self):
        notes = {cell.ou_id: cell.note for cell in ou_tree.cells(self.tree()) if not cell.states}
        assert notes["root"] == "10 accounts · not attached"
        assert notes["team"] == "attached here · 4"
        # Four accounts of prod have it all the same: it is attached to them.
        [own] = [
            cell for cell in ou_tree.cells(self.tree()) if cell.ou_id == "prod" and cell.states
        ]
        assert own.look == "enforced"
        below = (
            place("a", "", Counts(enforced=2), is_attached=True),
            place("b", "a", Counts(enforced=2)),
        )
        assert [cell.look for cell in ou_tree.cells(below)] == ["enforced", "inherited"]

    def test_who_is_not_told_of_attachments_sees_only_where_it_holds(self):
        cells = ou_tree.cells((place("a", "", Counts(enforced=2)),), is_known=False)
        assert [cell.look for cell in cells] == ["inherited"]

    def test_what_is_missing_right_in_an_ou_has_a_part_of_its_own(self):
        own = Counts(enforced=4, missing=2, excepted=1)
        cells = ou_tree.cells((place("ou", "", own, own, is_attached=True),))
        assert [(cell.look, cell.states) for cell in cells] == [
            ("mixed", ()),
            ("inherited", ("ENFORCED",)),
            ("exempt", ("EXCEPTED",)),
            ("gap", ("MISSING",)),
        ]
        assert sum(cell.width for cell in cells[1:]) == pytest.approx(cells[0].width)

    def test_of_a_person_who_sees_two_parts_both_stand_side_by_side(self):
        cells = ou_tree.cells(
            (place("a", "hidden", Counts(enforced=1)), place("b", "hidden", Counts(broken=3))),
            is_known=False,
        )
        assert [(cell.row, round(cell.x), round(cell.width)) for cell in cells] == [
            (0, 0, 25),
            (0, 25, 75),
        ]

    def test_the_drawing_names_each_part_and_escapes_what_comes_from_outside(self):
        cells = ou_tree.cells((place("<b>", "", Counts(enforced=1)),))
        drawing = charts.icicle([(cells[0], "/x?a=1&b=2")], label="Tree")
        assert "<b>" not in drawing and "&lt;b&gt;: 1 account, 1 enforced" in drawing
        assert 'href="/x?a=1&amp;b=2"' in drawing and "style=" not in drawing
