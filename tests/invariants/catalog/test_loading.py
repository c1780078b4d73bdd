"""Loading: every error at once, each with file, line and remedy."""

import pytest

from invariants import catalog
from invariants.catalog import CatalogueError
from tests.invariants.catalog.written import invariant, line_of, write

NEW_ROLE = "arn:aws:iam::*:role/keys/New"


def problems_of(*folders):
    with pytest.raises(CatalogueError) as raised:
        catalog.read_folders(folders)
    return raised.value.problems


def only_problem(folder, document):
    (problem,) = problems_of(write(folder, document))
    return problem


def test_a_file_that_is_right_becomes_an_invariant(tmp_path):
    loaded = catalog.read_folders([write(tmp_path, invariant())])
    found = loaded["kms-delete"]
    assert found.statement.sentence == "Only the key team deletes a key."
    assert found.severity is catalog.Severity.HIGH
    assert found.is_authorisation
    assert [probe.name for probe in found.probes] == [
        "An engineer deletes a key",
        "The key team deletes a key",
    ]


def test_a_parameter_fills_lists_with_all_its_values_and_probes_with_the_first(tmp_path):
    found = catalog.read_folders([write(tmp_path, invariant())])["kms-delete"]
    condition = found.policy["Statement"][0]["Condition"]["ArnNotLike"]
    assert condition["aws:PrincipalArn"] == [
        "arn:aws:iam::*:role/keys/One",
        "arn:aws:iam::*:role/keys/Two",
    ]
    assert found.must_allow[0].principal == "arn:aws:iam::*:role/keys/One"
    assert found.must_deny[0].resource == "arn:aws:kms:eu-central-1:111122223333:key/1"


@pytest.mark.parametrize(
    ("change", "at", "message", "remedy"),
    [
        ({"severity": "SEVERE"}, "severity:", '"SEVERE" is no severity', "'CRITICAL'"),
        ({"area": None}, "id:", '"area" is missing', "Add it"),
        ({"ownr": "keys"}, "ownr:", 'No field is called "ownr"', 'Did you mean "owner"?'),
        ({"version": 0}, "version:", '"version" is of another kind', "greater than or equal to 1"),
        ({"why": "  "}, "why:", '"why" is empty', "at least one word"),
        ({"type": "scp"}, "type:", '"scp" is no type', "SERVICE_CONTROL_POLICY"),
        ({"targets": {}}, "targets:", "The policy has no target", "Name the root"),
        ({"replay": []}, "replay:", '"replay" is empty', "one item"),
        ({"pages": ["https://example.com"]}, "https://example.com", "is no pages", "docs.aws"),
        (
            {"detects": {"security_hub": ["KMS-3"]}},
            "- KMS-3",
            '"KMS-3" is no security_hub',
            "S3.1",
        ),
        (
            {"detects": {"access_analyzer": ["Public"]}},
            "- Public",
            'Access Analyzer has no finding type "Public"',
            "ExternalAccess",
        ),
        (
            {"lint_waivers": {"wildcard-in-equal": "It is meant."}},
            "wildcard-in-equal:",
            'The linter has no rule "wildcard-in-equal"',
            'Did you mean "wildcard-in-equals"?',
        ),
        ({"must_allow": None}, "id:", '"must_allow" is missing', "mark the invariant as a draft"),
        (
            {"must_set": [{"path": "a.b", "value": "c"}]},
            "must_set:",
            "A policy of type SERVICE_CONTROL_POLICY decides requests",
            "Use must_deny and must_allow",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_is_wrong_is_told_with_its_line_and_a_remedy(tmp_path, change, at, message, remedy):
    problem = only_problem(tmp_path, invariant(**change))
    assert message in problem.message
    assert remedy in problem.remedy
    file = tmp_path / "kms-delete.yaml"
    assert (problem.place.file, problem.place.line) == (file, line_of(file, at))


PROBE = {
    "name": "A probe",
    "action": "kms:ScheduleKeyDeletion",
    "principal": "arn:aws:iam::111122223333:role/Developer",
}


@pytest.mark.parametrize(
    ("change", "at", "message"),
    [
        ({"action": "kms:*"}, "action: kms:*", '"kms:*" is no action'),
        ({"action": "ScheduleKeyDeletion"}, "action: Sch", '"ScheduleKeyDeletion" is no action'),
        ({"principal": "Developer"}, "principal: Dev", '"Developer" is no caller'),
        (
            {"principal": "arn:aws:sts::111122223333:assumed-role/Developer/jo"},
            "principal: arn:aws:sts",
            "is no caller",
        ),
        ({"resource": "my-key"}, "resource: my-key", '"my-key" is no resource'),
        (
            {"resource": "arn:aws:kms:eu-central-1:111122223333:key/*"},
            "resource: arn",
            "has a wildcard",
        ),
        ({"resource_account": "12"}, "resource_account:", '"12" is no account'),
        ({"account_role": "PROD"}, "account_role:", '"PROD" is no account_role'),
        ({"kontext": {}}, "kontext:", 'No field is called "kontext"'),
        (
            {"context": {"aws:SourceIp": {"state": "GONE"}}},
            "aws:SourceIp:",
            'The state of "aws:SourceIp" cannot be read',
        ),
    ],
)
def test_a_probe_that_is_no_request_is_told(tmp_path, change, at, message):
    problem = only_problem(tmp_path, invariant(must_deny=[PROBE | change]))
    assert message in problem.message
    assert problem.place.line == line_of(tmp_path / "kms-delete.yaml", at)
    assert problem.remedy


def test_two_probes_of_one_name_are_told(tmp_path):
    problem = only_problem(tmp_path, invariant(must_deny=[PROBE, PROBE]))
    assert problem.message == 'Two probes are called "A probe"'


def test_an_error_in_the_policy_is_told_at_its_own_line(tmp_path):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": "s3:*",
                "Resource": "*",
                "Condition": {"StringLikes": {"aws:PrincipalArn": "x"}},
            }
        ],
    }
    problem = only_problem(tmp_path, invariant(policy=policy))
    assert "The policy cannot be read" in problem.message
    assert problem.place.line == line_of(tmp_path / "kms-delete.yaml", "StringLikes")


def test_the_grammar_is_that_of_the_type(tmp_path):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
    rcp = invariant(type="RESOURCE_CONTROL_POLICY", policy=policy)
    assert "The policy cannot be read" in only_problem(tmp_path, rcp).message


def test_all_errors_of_all_files_are_told_at_once_in_their_order(tmp_path):
    first = invariant(id="aa", severity="SEVERE", area="EVERYTHING")
    second = invariant(id="bb", owner="")
    found = problems_of(write(tmp_path, second, first))
    assert [problem.place.file.name for problem in found] == ["aa.yaml", "aa.yaml", "bb.yaml"]
    assert str(CatalogueError(found)).count("\n") == 2


def test_a_draft_needs_neither_targets_nor_probes(tmp_path):
    draft = invariant(draft=True, targets={}, must_deny=None, must_allow=None)
    assert catalog.read_folders([write(tmp_path, draft)])["kms-delete"].draft


def test_a_file_is_called_as_its_invariant(tmp_path):
    write(tmp_path, invariant())
    (tmp_path / "kms-delete.yaml").rename(tmp_path / "keys.yaml")
    (problem,) = problems_of(tmp_path)
    assert problem.remedy == "Call the file kms-delete.yaml."


def test_a_folder_without_files_is_an_error(tmp_path):
    (problem,) = problems_of(tmp_path / "nowhere")
    assert "holds no *.yaml file" in problem.message


def test_a_file_that_is_no_utf8_is_told(tmp_path):
    write(tmp_path, invariant())
    (tmp_path / "latin.yaml").write_bytes(b"id: caf\xe9")
    (problem,) = problems_of(tmp_path)
    assert problem.remedy == "Save it as UTF-8."


def test_a_file_without_fields_is_told(tmp_path):
    write(tmp_path, invariant())
    (tmp_path / "empty.yaml").write_text("# nothing\n", encoding="utf-8")
    (problem,) = problems_of(tmp_path)
    assert problem.message == "The file holds no invariant"


def test_an_unknown_parameter_is_told_with_the_one_that_was_meant(tmp_path):
    probe = PROBE | {"principal": "{{key_role}}"}
    problem = only_problem(tmp_path, invariant(must_deny=[probe]))
    assert problem.message == 'No parameter is called "key_role"'
    assert problem.remedy.startswith('Did you mean "key_roles"?')


def test_a_parameter_of_many_values_cannot_stand_inside_a_text(tmp_path):
    problem = only_problem(tmp_path, invariant(why="For {{key_roles}} only."))
    assert '"key_roles" has 2 values' in problem.message


@pytest.mark.parametrize("value", [[], {"a": "b"}, "", None])
def test_a_parameter_is_a_text_or_a_list_of_texts(tmp_path, value):
    folder = write(
        tmp_path, invariant(), parameters={"member_account": value, "key_roles": NEW_ROLE}
    )
    found = [problem.message for problem in problems_of(folder)]
    assert any('The value of "member_account" is neither' in message for message in found)


class TestOwnFolder:
    def test_it_adds_an_invariant(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        own = write(tmp_path / "own", invariant(id="own-one"), parameters=None)
        assert list(catalog.read_folders([shipped, own]).entries) == ["kms-delete", "own-one"]

    def test_it_cannot_define_an_id_again_without_saying_so(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        own = write(tmp_path / "own", invariant(), parameters=None)
        (problem,) = problems_of(shipped, own)
        assert "is defined at" in problem.message
        assert "overrides: kms-delete" in problem.remedy

    def test_it_changes_the_fields_that_it_names(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        change = {"overrides": "kms-delete", "because": "We are careful.", "severity": "CRITICAL"}
        own = write(tmp_path / "own", change, parameters=None)
        entry = catalog.read_folders([shipped, own]).entries["kms-delete"]
        assert entry.invariant.severity is catalog.Severity.CRITICAL
        assert entry.invariant.owner == "keys"
        assert entry.because == "We are careful."
        assert entry.overridden_at.file == own / "own-kms-delete.yaml"
        assert entry.place.file == shipped / "kms-delete.yaml"

    def test_an_error_in_a_changed_field_is_told_in_the_changing_file(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        change = {"overrides": "kms-delete", "because": "It varies.", "severity": "SEVERE"}
        own = write(tmp_path / "own", change, parameters=None)
        (problem,) = problems_of(shipped, own)
        file = own / "own-kms-delete.yaml"
        assert (problem.place.file, problem.place.line) == (file, line_of(file, "severity"))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"overrides": "kms-delete"}, "Nothing says why"),
            ({"overrides": "kms-delet", "because": "x"}, 'There is no invariant "kms-delet"'),
            ({"overrides": "kms-delete", "because": "x", "id": "y"}, "An override has an id"),
        ],
    )
    def test_an_override_says_what_and_why(self, tmp_path, change, message):
        shipped = write(tmp_path / "shipped", invariant())
        own = write(tmp_path / "own", change, parameters=None)
        assert message in problems_of(shipped, own)[0].message

    def test_two_overrides_of_one_invariant_are_told(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        change = {"overrides": "kms-delete", "because": "x", "owner": "y"}
        own = write(tmp_path / "own", change, parameters=None)
        other = write(tmp_path / "other", change, parameters=None)
        (problem,) = problems_of(shipped, own, other)
        assert "is overridden at" in problem.message

    def test_its_parameters_replace_those_of_the_catalogue(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        own = write(tmp_path / "own", invariant(id="own"), parameters={"key_roles": NEW_ROLE})
        found = catalog.read_folders([shipped, own])["kms-delete"]
        condition = found.policy["Statement"][0]["Condition"]["ArnNotLike"]
        assert condition["aws:PrincipalArn"] == [NEW_ROLE]

    def test_what_it_does_not_set_is_known_to_be_an_example(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        assert catalog.read_folders([shipped]).left_as_examples("kms-delete") == {"key_roles"}
        own = write(tmp_path / "own", invariant(id="own"), parameters={"key_roles": NEW_ROLE})
        found = catalog.read_folders([shipped, own])
        assert found.left_as_examples("kms-delete") == frozenset()

    def test_a_parameter_that_nothing_uses_is_a_slip_of_the_pen(self, tmp_path):
        shipped = write(tmp_path / "shipped", invariant())
        own = write(tmp_path / "own", invariant(id="own"), parameters={"key_rolls": "x"})
        (problem,) = problems_of(shipped, own)
        assert problem.remedy == 'Did you mean "key_roles"?'


class TestVersion:
    def digest(self, folder, **changes):
        return (
            catalog.read_folders([write(folder, invariant(**changes))])
            .entries["kms-delete"]
            .version
        )

    def test_it_is_the_declared_number_and_a_digest_of_the_content(self, tmp_path):
        version = self.digest(tmp_path)
        assert version.declared == 1
        assert len(version.digest) == 64

    def test_the_digest_does_not_depend_on_the_number_or_on_the_layout(self, tmp_path):
        first = self.digest(tmp_path)
        file = tmp_path / "kms-delete.yaml"
        file.write_text("# A comment.\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
        again = catalog.read_folders([tmp_path]).entries["kms-delete"].version
        assert again.digest == first.digest
        assert self.digest(tmp_path, version=2).digest == first.digest

    def test_the_digest_changes_with_a_word_and_with_a_parameter(self, tmp_path):
        first = self.digest(tmp_path)
        assert self.digest(tmp_path, why="Because.").digest != first.digest
        write(tmp_path, invariant(), parameters={"key_roles": NEW_ROLE, "member_account": "1" * 12})
        changed = catalog.read_folders([tmp_path]).entries["kms-delete"].version
        assert changed.digest != first.digest
