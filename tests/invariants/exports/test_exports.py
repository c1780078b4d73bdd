"""What other tools get is valid to them, and says what the invariant says."""

import json
import re

import hcl2
import pytest
from cfnlint.api import lint_all

from invariants import catalog, engine, exports, lint
from invariants.catalog import RCP, SCP, Answer
from tests.invariants.catalog.written import invariant, write

CATALOGUE = catalog.load()
AROUND = catalog.surroundings(CATALOGUE.parameters)
DOCUMENTS = [
    exports.document(i, left_as_examples=()) for i in CATALOGUE if i.type != catalog.BOUNDARY
]
PACKED = exports.pack(DOCUMENTS)


def one(folder, **changes):
    return catalog.read_folders([write(folder, invariant(**changes))])["kms-delete"]


def unquoted(value):
    """A string of HCL as Terraform reads it."""
    return json.loads(value).replace("$${", "${").replace("%%{", "%{")


class TestDocument:
    def test_it_is_the_policy_without_white_space_and_the_sentence(self, tmp_path):
        document = exports.document(one(tmp_path), left_as_examples=())
        assert json.loads(document.content) == one(tmp_path).policy
        assert ": " not in document.content
        assert document.description == "Only the key team deletes a key."
        assert (document.identifier, document.logical_id) == ("kms_delete", "KmsDelete")

    def test_example_values_do_not_get_out(self):
        left = CATALOGUE.left_as_examples("dp-identity")
        with pytest.raises(exports.NotExportable, match="set organization_id, partner_accounts"):
            exports.document(CATALOGUE["dp-identity"], left_as_examples=left)

    def test_a_long_sentence_is_cut_to_what_aws_takes(self, tmp_path):
        statement = {"persona": "Nobody", "action": "does", "resource": "x" * 600}
        assert (
            len(
                exports.document(
                    one(tmp_path, statement=statement), left_as_examples=()
                ).description
            )
            == 512
        )

    def test_targets_are_named_once_in_their_order(self, tmp_path):
        targets = {
            "root": True,
            "ou_roles": ["POLICY_STAGING", "WORKLOADS"],
            "ous": ["Workloads", "Workloads/Prod"],
        }
        found = exports.targets(one(tmp_path, targets=targets))
        assert found == ("Root", "Policy Staging", "Workloads", "Workloads/Prod")

    def test_a_boundary_is_no_policy_of_an_organisation(self, tmp_path):
        boundary = one(tmp_path, type=catalog.BOUNDARY)
        with pytest.raises(exports.NotExportable, match="kms-delete"):
            exports.document(boundary, left_as_examples=())
        assert json.loads(exports.policy_json(boundary, indent=2)) == boundary.policy


class TestTerraform:
    PARSED = hcl2.loads(exports.terraform(DOCUMENTS))

    def resources(self, kind):
        return {
            json.loads(name): body
            for resource in self.PARSED["resource"]
            for key, found in resource.items()
            if json.loads(key) == kind
            for name, body in found.items()
        }

    def test_every_policy_is_there_with_its_text(self):
        found = self.resources("aws_organizations_policy")
        assert {name: unquoted(body["content"]) for name, body in found.items()} == {
            document.identifier: document.content for document in DOCUMENTS
        }

    def test_name_type_and_description_are_those_of_the_catalogue(self):
        found = self.resources("aws_organizations_policy")["s3_bpa"]
        assert unquoted(found["name"]) == "s3-bpa"
        assert unquoted(found["type"]) == "S3_POLICY"
        assert unquoted(found["description"]) == CATALOGUE["s3-bpa"].statement.sentence

    def test_every_target_has_an_attachment(self):
        found = self.resources("aws_organizations_policy_attachment")
        assert len(found) == sum(len(document.targets) for document in DOCUMENTS)
        assert found["kms_delete_0"]["policy_id"] == "${aws_organizations_policy.kms_delete.id}"
        assert found["kms_delete_0"]["target_id"] == '${var.target_ids["Root"]}'

    def test_a_variable_of_iam_is_none_of_terraform(self):
        assert (
            "${aws:SourceVpc}"
            in exports.document(CATALOGUE["iam-ec2-creds"], left_as_examples=()).content
        )
        text = exports.terraform(
            [exports.document(CATALOGUE["iam-ec2-creds"], left_as_examples=())]
        )
        assert "$${aws:SourceVpc}" in text
        assert not re.search(r"(?<!\$)\$\{aws:", text)


class TestCloudFormation:
    TEXT = exports.cloudformation(DOCUMENTS)

    def test_it_lints_clean(self):
        # Informational remarks ask for descriptions of the architecture, which is one of policies.
        found = [m for m in lint_all(self.TEXT) if m.rule.severity != "informational"]
        assert [str(match) for match in found] == []

    def test_every_policy_is_there_with_its_text(self):
        resources = json.loads(self.TEXT)["Resources"]
        assert {name: r["Properties"]["Content"] for name, r in resources.items()} == {
            d.logical_id: json.loads(d.content) for d in DOCUMENTS
        }

    def test_policies_are_made_one_after_another(self):
        resources = json.loads(self.TEXT)["Resources"]
        after = [resource.get("DependsOn") for resource in resources.values()]
        assert after == [None, *list(resources)[:-1]]

    def test_a_policy_without_targets_needs_no_parameters(self, tmp_path):
        draft = one(tmp_path, draft=True, targets={})
        template = json.loads(
            exports.cloudformation([exports.document(draft, left_as_examples=())])
        )
        assert set(template) == {"AWSTemplateFormatVersion", "Description", "Resources"}

    def test_it_fits_a_template(self):
        assert len(json.loads(self.TEXT)["Resources"]) <= exports.MAX_RESOURCES


class TestPacking:
    def test_every_statement_is_still_there_once(self):
        def sids(documents):
            return sorted(
                statement["Sid"]
                for document in documents
                if document.type in (SCP, RCP)
                for statement in json.loads(document.content)["Statement"]
            )

        assert sids(PACKED) == sids(DOCUMENTS)

    def test_every_policy_fits_its_size(self):
        assert not [p.name for p in PACKED if lint.size_budget(p.content, p.type).is_over]

    @pytest.mark.parametrize("policy_type", [SCP, RCP])
    def test_every_target_has_slots_for_them_and_awss_own(self, policy_type):
        targets = {target for p in PACKED for target in p.targets}
        for target in targets:
            attached = sum(p.type == policy_type and target in p.targets for p in PACKED)
            assert not lint.slot_budget(attached + 1, policy_type).is_over

    def test_unpacked_they_would_not_fit(self):
        at_root = sum(d.type == SCP and "Root" in d.targets for d in DOCUMENTS)
        assert lint.slot_budget(at_root + 1, SCP).is_over

    @pytest.mark.parametrize("policy_type", [SCP, RCP])
    def test_every_probe_is_answered_as_before(self, policy_type):
        for packed in PACKED:
            if packed.type != policy_type:
                continue
            stack = stack_with(packed)
            for found in CATALOGUE:
                if found.type == policy_type and exports.targets(found) == packed.targets:
                    for result in catalog.run_probes(found, AROUND, stack=stack):
                        assert result.must_deny or result.answer is Answer.HOLDS

    def test_what_must_be_denied_is_so_by_the_packed_policies_of_its_targets(self):
        deciding = [i for i in CATALOGUE if i.type in (SCP, RCP)]
        for found in deciding:
            mine = [
                p for p in PACKED if (p.type, p.targets) == (found.type, exports.targets(found))
            ]
            results = catalog.run_probes(found, AROUND, stack=stack_with(*mine))
            assert {r.answer for r in results} == {Answer.HOLDS}, found.id

    def test_policies_that_set_the_same_name_stay_apart(self):
        first, second = (
            exports.Document(name, name, "", "S3_POLICY", content, ("Root",))
            for name, content in (
                ("a", '{"x":{"y":{"@@assign":1}}}'),
                ("b", '{"x":{"y":{"@@assign":2}}}'),
            )
        )
        assert exports.pack([first, second]) == (first, second)

    def test_policies_that_set_different_names_come_together(self):
        (packed,) = [
            p for p in PACKED if p.type == "DECLARATIVE_POLICY_EC2" and p.targets == ("Root",)
        ]
        effective = engine.effective_policy([[json.loads(packed.content)]])
        for found in CATALOGUE:
            if found.type == packed.type and exports.targets(found) == packed.targets:
                answers = {r.answer for r in catalog.run_settings(found, effective)}
                assert answers == {Answer.HOLDS}

    def test_statements_with_the_same_name_stay_apart(self, tmp_path):
        document = exports.document(one(tmp_path), left_as_examples=())
        assert len(exports.pack([document, document])) == 2


def stack_with(*documents):
    everything = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    }
    attached = [engine.Attached("all", engine.parse(everything))]
    attached += [engine.Attached(d.name, engine.parse(d.content)) for d in documents]
    layer = engine.Layer.RCP if documents[0].type == RCP else engine.Layer.SCP
    return engine.compile_stack(layer, [engine.Level("root", tuple(attached))])
