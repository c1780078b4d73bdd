"""Files that are broken in any way are told of; nothing but a CatalogueError comes out."""

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invariants import catalog
from invariants.catalog import CatalogueError, yaml_tree
from tests.invariants.catalog.written import invariant, write

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted(invariant()))
QUIET = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUIET
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_told_of(text):
    tree = yaml_tree.read(text, Path("a.yaml"))
    assert all(problem.remedy and problem.place.line >= 1 for problem in tree.problems)


@QUIET
@given(field=FIELDS, value=JSON)
def test_any_value_in_any_field_is_loaded_or_told_of(tmp_path, field, value):
    write(tmp_path, invariant())
    file = tmp_path / "kms-delete.yaml"
    text = yaml.safe_dump({**invariant(), field: value}, sort_keys=False, allow_unicode=True)
    file.write_text(text, encoding="utf-8", errors="replace")
    lines = text.count("\n") + 1
    for problem in problems_of(tmp_path):
        assert problem.remedy
        assert 1 <= problem.place.line <= lines


def problems_of(folder):
    try:
        catalog.read_folders([folder])
    except CatalogueError as error:
        return error.problems or ["An error without a problem"]
    return ()


@QUIET
@given(value=JSON)
def test_any_placeholder_in_a_policy_is_filled_or_told_of(tmp_path, value):
    policy = {"Version": "2012-10-17", "Statement": [{"{{member_account}}": value}]}
    write(tmp_path, invariant(policy=policy))
    assert all(problem.remedy for problem in problems_of(tmp_path))
