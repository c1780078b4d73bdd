"""The environment: typed, from a file where a secret is in one, and loud when it is wrong."""

import pytest

from posture import env, system_checks


@pytest.fixture(autouse=True)
def problems(monkeypatch):
    monkeypatch.setattr(env, "problems", [])
    return env.problems


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("off", False)])
def test_a_flag_says_yes_or_no(monkeypatch, text, value):
    monkeypatch.setenv("POSTURE_X", text)
    assert env.flag("POSTURE_X") is value


def test_a_flag_that_says_neither_is_a_problem_that_names_it(monkeypatch):
    monkeypatch.setenv("POSTURE_X", "maybe")
    assert env.flag("POSTURE_X", default=True) is True
    assert env.problems[0].name == "POSTURE_X"


@pytest.mark.parametrize("text", ["ten", "101", "-1"])
def test_a_number_outside_its_range_is_a_problem_and_the_default_holds(monkeypatch, text):
    monkeypatch.setenv("POSTURE_X", text)
    assert env.number("POSTURE_X", 50, low=0, high=100) == 50
    assert "0 to 100" in env.problems[0].remedy


def test_a_secret_can_stand_in_a_file(monkeypatch, tmp_path):
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    monkeypatch.setenv("POSTURE_X_FILE", str(path))
    assert env.secret("POSTURE_X", remedy="Set it.") == "s3cret"


def test_a_secret_file_that_is_missing_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTURE_X_FILE", str(tmp_path / "none"))
    env.secret("POSTURE_X", remedy="Set it.")
    assert [p.name for p in env.problems] == ["POSTURE_X_FILE", "POSTURE_X"]


def test_a_database_address_with_a_socket_folder_and_odd_characters(monkeypatch):
    monkeypatch.setenv("X_URL", "postgresql://me:p%40ss@/parapet?host=%2Fvar%2Frun&sslmode=require")
    found = env.database("X_URL")
    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("me", "p@ss", "parapet")
    assert (found["HOST"], found["OPTIONS"]) == ("/var/run", {"sslmode": "require"})
    assert not env.problems


@pytest.mark.parametrize("address", ["mysql://x/y", "postgresql://host/"])
def test_an_address_that_is_no_postgres_database_is_a_problem(monkeypatch, address):
    monkeypatch.setenv("X_URL", address)
    env.database("X_URL")
    assert env.problems[0].name == "X_URL"


def test_every_problem_is_a_system_check_with_its_remedy():
    env.problem("POSTURE_X", "is not set", "Set it to something.")
    found = system_checks.environment()
    assert [(m.id, m.msg, m.hint) for m in found] == [
        ("posture.E001", "POSTURE_X is not set.", "Set it to something.")
    ]


def test_demo_users_beside_real_aws_are_refused(settings):
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, ""
    assert [m.id for m in system_checks.demo()] == ["posture.E002"]
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:5566"
    assert system_checks.demo() == []


def test_a_hub_role_without_an_external_id_is_refused(settings):
    settings.POSTURE_HUB_ROLE_ARN = "arn:aws:iam::111122223333:role/ParapetHubRead"
    settings.POSTURE_EXTERNAL_ID = ""
    assert [m.id for m in system_checks.hub_role()] == ["posture.E003"]
    settings.POSTURE_HUB_ROLE_ARN = ""
    assert [m.id for m in system_checks.hub_role()] == ["posture.W001"]
