"""What `make run` decides from the environment, `.env` and `var/local.env`."""

import os
import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from deploy.local.environment import SettingError, load

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("POSTURE_", "AWS_")) or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variables", "aws"),
    [
        ({}, "sandbox"),
        ({"AWS_PROFILE": "work"}, "sandbox"),
        ({"POSTURE_HUB_ROLE_ARN": "arn:aws:iam::111122223333:role/ParapetHubRead"}, "real"),
        ({"POSTURE_AWS": "real"}, "real"),
        ({"POSTURE_AWS": "sandbox", "POSTURE_HUB_ROLE_ARN": "arn:aws:iam::1:role/x"}, "sandbox"),
    ],
)
def test_aws_is_the_sandbox_unless_a_role_is_named_or_it_is_said(
    tmp_path, monkeypatch, variables, aws
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load(tmp_path).aws == aws


def test_a_role_in_the_env_file_counts_too(tmp_path):
    (tmp_path / ".env").write_text("POSTURE_HUB_ROLE_ARN=arn:aws:iam::111122223333:role/x\n")
    assert load(tmp_path).aws == "real"


@pytest.mark.parametrize(
    ("name", "value"),
    [("POSTURE_AWS", "production"), ("POSTURE_PORT", "http"), ("POSTURE_PORT", "70000")],
)
def test_a_wrong_value_names_its_variable(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        load(tmp_path)


def test_nothing_of_a_real_account_reaches_the_processes_of_the_sandbox(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    variables = load(tmp_path).for_processes()
    assert "AWS_PROFILE" not in variables
    assert "AWS_SESSION_TOKEN" not in variables
    assert variables["AWS_ACCESS_KEY_ID"] != "AKIAREAL"
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_with_real_aws_there_is_no_demo_and_credentials_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTURE_AWS", "real")
    monkeypatch.setenv("AWS_PROFILE", "work")
    environment = load(tmp_path)
    variables = environment.for_processes()
    assert variables["AWS_PROFILE"] == "work"
    assert "POSTURE_DEMO" not in variables
    assert "AWS_ENDPOINT_URL" not in variables
    assert environment.database_name == "parapet"


def test_what_a_person_gave_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTURE_SECRET_KEY", "mine")
    (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere/0\n")
    (tmp_path / "url").write_text("postgresql://somebody@elsewhere/parapet\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    environment = load(tmp_path)
    environment.add({"REDIS_URL": "redis://ours/0", "DATABASE_URL": "postgresql://ours/x"})
    assert not {"POSTURE_SECRET_KEY", "REDIS_URL", "DATABASE_URL"} & environment.added.keys()
    assert environment.secret("DATABASE_URL") == "postgresql://somebody@elsewhere/parapet"
    assert environment.secret("REDIS_URL") == "redis://elsewhere/0"


def test_generated_values_are_kept_for_the_next_run_and_for_their_owner_alone(tmp_path):
    first = load(tmp_path)
    first.add({"DATABASE_URL": "postgresql://parapet:a#b@127.0.0.1:1/x"})
    first.save()
    file = tmp_path / "var" / "local.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert load(tmp_path).kept == first.kept
    assert dotenv_values(file)["DATABASE_URL"] == "postgresql://parapet:a#b@127.0.0.1:1/x"


def test_every_setting_has_its_line_in_the_example():
    settings = (ROOT / "posture" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', settings)) | {"DATABASE_URL"}
    code = [*(ROOT / "deploy").rglob("*.py"), ROOT / "posture" / "env.py"]
    for path in code:
        read |= set(re.findall(r'"(POSTURE_[A-Z_]+)"', path.read_text()))
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - shown == set()


def test_every_line_of_the_example_is_read_by_something():
    shown = set(
        re.findall(r"^#?(POSTURE_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    code = "".join(
        path.read_text()
        for folder in ("posture", "inventory", "findings", "invariants", "deploy")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert {name for name in shown if f'"{name}"' not in code and f"'{name}'" not in code} == set()
