"""The shape of findings/data/control_areas.yaml, which people edit when AWS adds a control."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

import findings
from posture import scoring

AREAS = [
    "CULTURE",
    "ACCOUNT_MANAGEMENT",
    "IDENTITY",
    "DATA_PROTECTION",
    "SECURE_DEPLOYMENT",
    "MONITORING",
    "VULNERABILITY",
]
CONTROL_ID = re.compile(r"[A-Z][A-Za-z0-9]*\.[1-9][0-9]*")


@pytest.fixture(scope="module")
def catalogue():
    path = Path(findings.__file__).parent / "data" / "control_areas.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_seven_areas_and_no_other_are_mapped(catalogue):
    assert list(catalogue["areas"]) == AREAS


@pytest.mark.parametrize("kind", ["services", "controls"])
def test_nothing_stands_in_two_areas(catalogue, kind):
    counted = Counter(name for area in catalogue["areas"].values() for name in area[kind])

    assert {name for name, times in counted.items() if times > 1} == set()


def test_lists_hold_control_ids_once(catalogue):
    lists = [area["controls"] for area in catalogue["areas"].values()]
    lists += [catalogue["delegated_admin_only"], catalogue["account_level"]]

    for ids in lists:
        assert [name for name in ids if not CONTROL_ID.fullmatch(name)] == []
        assert len(ids) == len(set(ids))


def test_every_named_control_has_a_service_that_is_mapped_or_is_listed_itself(catalogue):
    services = {name for area in catalogue["areas"].values() for name in area["services"]}
    listed = {name for area in catalogue["areas"].values() for name in area["controls"]}
    facts = {*catalogue["delegated_admin_only"], *catalogue["account_level"]}

    assert {name for name in facts if name.split(".")[0] not in services} <= listed


def test_controls_about_public_access_are_known_controls(catalogue):
    services = {name for area in catalogue["areas"].values() for name in area["services"]}
    named = [name for name in catalogue["public_when_failed"] if not name.startswith("Prowler.")]

    assert [name for name in named if not CONTROL_ID.fullmatch(name)] == []
    assert {name.split(".")[0] for name in named} <= services
    # Guardrails that are off expose nothing by themselves.
    assert not {"S3.1", "S3.8", "S3.19", "EC2.182"} & set(named)


def test_services_of_prowler_stand_for_services_of_security_hub(catalogue):
    services = {name for area in catalogue["areas"].values() for name in area["services"]}

    assert set(catalogue["prowler_services"].values()) <= services
    assert all(name == name.lower() for name in catalogue["prowler_services"])


def test_pseudo_controls_have_title_severity_and_area(catalogue):
    pseudo = catalogue["pseudo_controls"]

    assert "*.Finding" in pseudo
    for control in pseudo.values():
        assert set(control) == {"title", "severity", "area"}
        assert control["severity"] in scoring.WEIGHTS
        assert control["area"] in AREAS
    assert not any(CONTROL_ID.fullmatch(name) for name in pseudo)
