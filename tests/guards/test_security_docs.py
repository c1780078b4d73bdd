"""The documents of security say only what the tests prove."""

import re

import pytest
import yaml

from tests.guards import security_docs
from tests.guards.security_docs import ROOT, Untrue

REAL = "tests/guards/test_urls.py::test_every_address_knows_its_methods"


def threat(**changes):
    return {"kinds": "STRIDE", "threat": "It.", "control": "No.", "tests": [REAL]} | changes


@pytest.fixture
def write(tmp_path):
    """Function that writes a model of one arrow, and returns its path."""

    def write(*threats, **changes):
        path = tmp_path / "threats.yaml"
        path.write_text(
            yaml.safe_dump([{"arrow": "A → B", "carries": "X.", "threats": [*threats]} | changes])
        )
        return path

    return write


def test_a_model_whose_tests_exist_is_taken(write):
    (arrow,) = security_docs.arrows(write(threat()))
    assert arrow.threats[0].key == "1.1"
    assert "every address" not in security_docs.said(REAL)
    assert security_docs.said(REAL) == "Every address knows its methods"


@pytest.mark.parametrize(
    "test",
    [
        "tests/guards/test_urls.py::test_that_nobody_wrote",
        "tests/guards/test_nothing.py::test_every_address_knows_its_methods",
        "tests/guards/test_urls.py::patterns",
        "posture/urls.py::test_x",
        "",
    ],
)
def test_a_test_that_does_not_exist_is_an_error_that_names_it(write, test):
    with pytest.raises(Untrue, match=re.escape(f"A → B, 1.1: there is no test {test}")):
        security_docs.arrows(write(threat(tests=[REAL, test])))


def test_a_threat_without_a_test_is_an_error(write):
    with pytest.raises(Untrue, match=r"1\.1: no test proves it"):
        security_docs.arrows(write(threat(tests=[])))


def test_a_kind_of_threat_that_is_left_out_is_an_error_unless_it_says_why(write):
    with pytest.raises(Untrue, match=r"nothing about repudiation \(R\)"):
        security_docs.arrows(write(threat(kinds="STIDE")))
    assert security_docs.arrows(write(threat(kinds="STIDE"), without={"R": "For a reason."}))


def test_the_marks_of_the_document_have_to_be_there():
    with pytest.raises(Untrue, match="lacks the marks"):
        security_docs.with_model("# Security\n", "x")


def test_every_system_check_is_in_the_table():
    sources = "".join(
        path.read_text() for path in (ROOT / "posture" / "system_checks").glob("*.py")
    )
    ids = set(re.findall(r'id="(posture\.[EW]\d{3})"', sources))
    listed = re.findall(
        r"^\| (posture\.[EW]\d{3}) \| (.+) \|$", security_docs._checks(), re.MULTILINE
    )
    assert {name for name, _ in listed} == ids
    assert all(words.endswith(".") for _, words in listed)
