"""Dockerfile and docker-compose.yml say the same as `make run`, and keep to the house rules."""

import json
import shlex
from pathlib import Path

import pytest
import yaml

from deploy.compose_secrets import write_missing
from deploy.healthcheck import CHECKS
from deploy.local.postgres import INITDB_OPTIONS, bin_dir
from deploy.local.supervisor import read_procfile

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
PROCFILE = read_procfile(ROOT / "Procfile")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ["web", "worker", "beat", "migrate"]


def test_compose_runs_every_process_of_the_procfile_by_the_same_command():
    commands = {name: SERVICES[name]["command"] for name in PROCFILE}
    assert commands == {name: shlex.split(command) for name, command in PROCFILE.items()}


def test_the_image_starts_web_by_the_same_command():
    command = json.loads(DOCKERFILE.rstrip().rpartition("\nCMD ")[2])
    assert command == shlex.split(PROCFILE["web"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_lasting_container_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    assert check.get("disable") or check["test"][0] in ("CMD", "CMD-SHELL")
    assert ("disable" in check) == (name == "migrate")


def test_the_health_checks_of_our_processes_exist():
    for name in PROCFILE:
        expected = ["CMD", "python", "-m", "deploy.healthcheck", name]
        assert SERVICES[name]["healthcheck"]["test"] == expected
        assert name in CHECKS


@pytest.mark.parametrize("name", list(PROCFILE))
def test_our_processes_wait_for_migrations_and_healthy_stores(name):
    waits = {other: rule["condition"] for other, rule in SERVICES[name]["depends_on"].items()}
    assert waits == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "valkey": "service_healthy",
    }


def test_the_stores_cannot_be_reached_from_outside():
    assert COMPOSE["networks"]["stores"]["internal"] is True
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["stores"]
        assert "ports" not in SERVICES[name]


def test_compose_makes_the_cluster_with_the_same_options_as_make_run():
    options = SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert sorted(options) == sorted(INITDB_OPTIONS)
    header = (bin_dir().parent / "include" / "pg_config.h").read_text()
    major = SERVICES["postgres"]["image"].partition(":")[2].partition(".")[0]
    assert f'#define PG_MAJORVERSION "{major}"' in header


def test_no_secret_stands_in_the_files_and_each_one_is_made_by_make_secrets(tmp_path):
    for name in [*OURS, "postgres"]:
        for variable, value in SERVICES[name].get("environment", {}).items():
            is_secret = any(word in variable for word in ("SECRET", "PASSWORD", "URL", "EXTERNAL"))
            assert not is_secret or (
                variable.endswith("_FILE") and value.startswith("/run/secrets/")
            )
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    write_missing(tmp_path / "secrets")
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert used == made == set(COMPOSE["secrets"])
    for name, secret in COMPOSE["secrets"].items():
        assert secret["file"] == f"deploy/secrets/{name}"


def test_make_secrets_keeps_what_is_there_and_hides_it_from_others(tmp_path):
    folder = tmp_path / "secrets"
    assert write_missing(folder)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert write_missing(folder) == []
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert before["postgres_password"].strip() in before["database_url"]
    assert before["valkey_password"].strip() in before["redis_url"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_image_runs_as_nobody_special_from_the_locked_requirements_of_the_product():
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last_stage
    assert "--require-hashes -r requirements.lock\n" in DOCKERFILE
    assert "requirements-local" not in DOCKERFILE
    assert "HEALTHCHECK" in last_stage


def test_only_named_paths_enter_the_image_and_each_of_them_exists():
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    wanted = [rule[1:] for rule in rules if rule.startswith("!")]
    assert [path for path in wanted if not (ROOT / path).exists()] == []
    for command in PROCFILE.values():
        for word in shlex.split(command):
            if word.endswith(".py"):
                assert word in wanted
