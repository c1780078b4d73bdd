"""The JSON schema for editors is in step with the records, and with the files."""

from pathlib import Path

import jsonschema
import pytest

from invariants import catalog
from invariants.catalog import yaml_tree
from invariants.catalog.__main__ import list_text, schema_text
from tests.invariants.catalog.written import invariant

DOCS = Path(catalog.__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(catalog.file_schema())
FILES = sorted(f for f in catalog.SHIPPED.glob("*.yaml") if f.name != "parameters.yaml")


def test_the_published_schema_is_the_one_of_the_code():
    """To write it anew: python -m invariants.catalog schema > docs/catalogue.schema.json"""
    assert (DOCS / "catalogue.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_published_list_is_the_one_of_the_files():
    """To write it anew: python -m invariants.catalog list > docs/invariants.md"""
    assert (DOCS / "invariants.md").read_text(encoding="utf-8") == list_text()


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(catalog.file_schema())


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_shipped_file_is_valid_by_it(file):
    tree = yaml_tree.read(file.read_text(encoding="utf-8"), file)
    assert [error.message for error in VALIDATOR.iter_errors(tree.data)] == []


def test_an_override_is_valid_and_needs_a_reason():
    assert VALIDATOR.is_valid({"overrides": "s3-bpa", "because": "It varies.", "owner": "x"})
    assert not VALIDATOR.is_valid({"overrides": "s3-bpa", "owner": "x"})


@pytest.mark.parametrize("change", [{"severity": "SEVERE"}, {"ownr": "x"}, {"why": None}])
def test_it_refuses_what_the_loader_refuses(change):
    assert not VALIDATOR.is_valid(invariant(**change))


def test_the_guide_says_what_every_field_is_for():
    properties = catalog.file_schema()["$defs"]["Invariant"]["properties"]
    undescribed = [
        name
        for name, value in properties.items()
        if not value.get("description") and "$ref" not in value
    ]
    assert undescribed == []
