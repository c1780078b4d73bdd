"""Every dangerous combination of settings is refused by name; the published way to run has none."""

import os
import re
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from django.core import checks
from django.core.management import CommandError, call_command

from deploy.compose_secrets import write_missing
from posture import system_checks
from posture.policies import sign_in

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = "http://127.0.0.1:5566"
GOOD_KEY = "kept by nobody, and as long as a key has to be: 7Hq2"
PRODUCTION = {
    "BASE_URL": "https://parapet.example.com",
    "IS_HTTPS": True,
    "ALLOWED_HOSTS": ["parapet.example.com"],
    "SECRET_KEY": GOOD_KEY,
    "AWS_ENDPOINT_URL": "",
    "POSTURE_DEMO": False,
    "DEBUG": False,
}
_SMTP = "django.core.mail.backends.smtp.EmailBackend"
PLAIN = {"BASE_URL": "http://parapet.example.com", "IS_HTTPS": False}
PROVIDER = {"SOCIALACCOUNT_PROVIDERS": {"openid_connect": {"APPS": [{"provider_id": "idp"}]}}}
MAIL = {"EMAIL_HOST": "mail.example.com", "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False}


def database(host, **options):
    return {"default": {"HOST": host, "OPTIONS": options}}


# What is changed of PRODUCTION, by the check that has to speak.
DANGEROUS = [
    ("demo", {"POSTURE_DEMO": True}, ["E002"]),
    (
        "demo",
        {"POSTURE_DEMO": True, "AWS_ENDPOINT_URL": "https://sts.us-east-1.amazonaws.com"},
        ["E002"],
    ),
    ("demo", {"POSTURE_DEMO": True, "AWS_ENDPOINT_URL": SANDBOX}, []),
    ("debug", {"DEBUG": True}, ["E013"]),
    ("debug", {"DEBUG": True, "AWS_ENDPOINT_URL": SANDBOX}, ["E013"]),
    ("debug", {"DEBUG": True, "AWS_ENDPOINT_URL": SANDBOX, "IS_HTTPS": False}, []),
    ("secret_key", {"SECRET_KEY": "short"}, ["E014"]),
    ("secret_key", {"SECRET_KEY": "abab" * 20}, ["E014"]),
    ("secret_key", {"SECRET_KEY": "django-insecure-" + GOOD_KEY}, ["E014"]),
    ("secret_key", {}, []),
    ("hosts", {"ALLOWED_HOSTS": ["*"]}, ["E015"]),
    ("hosts", {"ALLOWED_HOSTS": ["."]}, ["E015"]),
    ("hosts", {"ALLOWED_HOSTS": ["*"], "AWS_ENDPOINT_URL": SANDBOX, "IS_HTTPS": False}, []),
    ("hosts", {"ALLOWED_HOSTS": ["localhost"]}, ["E050"]),
    ("hosts", {"ALLOWED_HOSTS": [".example.com"]}, []),
    ("hosts", {"ALLOWED_HOSTS": ["[::1]"], "BASE_URL": "http://[::1]:8000"}, []),
    ("https", PLAIN, ["E016"]),
    ("https", PLAIN | {"AWS_ENDPOINT_URL": SANDBOX}, []),
    ("https", PLAIN | {"BASE_URL": "http://localhost:8000"}, []),
    ("https", {}, []),
    (
        "write_back",
        {"POSTURE_WRITE_BACK": True, "POSTURE_LOCAL_SECOND_FACTOR": False},
        ["E017", "W011"],
    ),
    (
        "write_back",
        {
            "POSTURE_WRITE_BACK": True,
            "POSTURE_WRITE_BACK_ROLE_ARN": "arn:aws:iam::111122223333:role/ParapetWriteBack",
        },
        [],
    ),
    ("write_back", {}, []),
    ("provider_in_the_clear", PLAIN | PROVIDER, ["E018"]),
    ("provider_in_the_clear", PROVIDER, []),
    ("provider_in_the_clear", PLAIN | PROVIDER | {"BASE_URL": "http://127.0.0.1:8000"}, []),
    ("sandbox", {"AWS_ENDPOINT_URL": SANDBOX}, ["E019"]),
    ("sandbox", {"AWS_ENDPOINT_URL": SANDBOX, "POSTURE_DEMO": True}, []),
    ("sandbox", {"AWS_ENDPOINT_URL": "https://vpce-1.sts.us-east-1.vpce.amazonaws.com"}, []),
    ("catalogue_folders", {"POSTURE_CATALOG_FOLDERS": [str(ROOT / "static")]}, ["W002"]),
    ("catalogue_folders", {"POSTURE_CATALOG_FOLDERS": [str(ROOT / "invariants/catalog")]}, []),
    ("catalogue_folders", {}, []),
    ("sealing_keys", {}, ["W030"]),
    ("sealing_keys", {"POSTURE_SEALING_KEYS": ["short"]}, ["E030"]),
    ("sealing_keys", {"POSTURE_SEALING_KEYS": ["A" * 43 + "="]}, []),
    ("sealing_keys", {"POSTURE_DEMO": True, "AWS_ENDPOINT_URL": SANDBOX}, []),
    ("webhook_networks", {"POSTURE_WEBHOOK_NETWORKS": [ip_network("0.0.0.0/0")]}, ["E031"]),
    ("webhook_networks", {"POSTURE_WEBHOOK_NETWORKS": [ip_network("169.254.0.0/16")]}, ["E031"]),
    ("webhook_networks", {"POSTURE_WEBHOOK_NETWORKS": [ip_network("fc00::/7")]}, ["E031"]),
    ("webhook_networks", {"POSTURE_WEBHOOK_NETWORKS": [ip_network("10.20.0.0/16")]}, []),
    ("webhook_hosts", {"POSTURE_WEBHOOK_HOSTS": ["*"]}, ["E032"]),
    ("webhook_hosts", {"POSTURE_WEBHOOK_HOSTS": ["*.com"]}, ["E032"]),
    ("webhook_hosts", {"POSTURE_WEBHOOK_HOSTS": ["https://a.example.com"]}, ["E032"]),
    ("webhook_hosts", {"POSTURE_WEBHOOK_HOSTS": ["*.example.com", "a.b:8443"]}, []),
    (
        "notifications",
        {"BASE_URL": "http://localhost:8000", "EMAIL_BACKEND": _SMTP},
        ["W031"],
    ),
    ("notifications", {"EMAIL_BACKEND": _SMTP}, []),
    ("notifications", {"EMAIL_BACKEND": "posture.actions.mailbox.Nowhere"}, []),
    ("uploads", {"POSTURE_UPLOAD_DIR": str(ROOT / "static" / "in")}, ["E051"]),
    ("uploads", {"POSTURE_EVIDENCE_DIR": str(ROOT / "static" / "in")}, ["E051"]),
    ("uploads", {}, []),
    ("mail", MAIL | {"EMAIL_HOST_USER": "parapet"}, ["E052"]),
    ("mail", MAIL, ["W012"]),
    ("mail", MAIL | {"EMAIL_USE_TLS": True, "EMAIL_HOST_USER": "parapet"}, []),
    ("mail", MAIL | {"EMAIL_HOST": "127.0.0.1", "EMAIL_HOST_USER": "parapet"}, []),
    ("broker", {"REDIS_URL": "redis://valkey:6379/0"}, ["W014"]),
    ("broker", {"REDIS_URL": "redis://:word@valkey.example.com:6379/0"}, ["W014"]),
    ("broker", {"REDIS_URL": "rediss://:word@valkey.example.com:6379/0"}, []),
    ("broker", {"REDIS_URL": "redis://:word@valkey:6379/0"}, []),
    ("broker", {"REDIS_URL": "redis://127.0.0.1:6379/0"}, []),
    (
        "strict_transport",
        {"SECURE_HSTS_PRELOAD": True, "SECURE_HSTS_INCLUDE_SUBDOMAINS": False},
        ["W015"],
    ),
    (
        "strict_transport",
        {"SECURE_HSTS_PRELOAD": True, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True},
        [],
    ),
]


@pytest.mark.parametrize(("name", "changes", "found"), DANGEROUS)
def test_a_dangerous_combination_is_named_with_its_remedy(settings, name, changes, found):
    for setting, value in (PRODUCTION | changes).items():
        setattr(settings, setting, value)
    problems = getattr(system_checks, name)()
    assert [problem.id for problem in problems] == [f"posture.{code}" for code in found]
    for problem in problems:
        assert problem.hint
        assert problem.msg.endswith(".")
        level = checks.ERROR if problem.id.startswith("posture.E") else checks.WARNING
        assert problem.level == level


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (database("db.example.com"), ["posture.W013"]),
        (database("10.0.0.7"), ["posture.W013"]),
        (database("db.example.com", sslmode="prefer"), ["posture.W013"]),
        (database("db.example.com", sslmode="verify-full"), []),
        (database("postgres"), []),
        (database("/run/postgresql"), []),
        (database("127.0.0.1"), []),
    ],
)
def test_a_database_elsewhere_is_reached_with_tls(monkeypatch, settings, address, found):
    # Nothing but the check reads it meanwhile, so nothing has to hear of the change.
    monkeypatch.setitem(settings.DATABASES, "default", address["default"])
    assert [problem.id for problem in system_checks.database()] == found


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_ENDPOINT_URL_SECURITYHUB", "https://securityhub.us-east-1.amazonaws.com"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ],
)
def test_a_demo_whose_calls_go_past_the_sandbox_is_refused(settings, monkeypatch, variable, value):
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, SANDBOX
    assert system_checks.demo() == []
    monkeypatch.setenv(variable, value)
    (problem,) = system_checks.demo()
    assert problem.id == "posture.E002"
    assert variable in problem.msg


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://sts.amazonaws.com",
        "https://securityhub.eu-west-1.api.aws",
        "https://sts.cn-north-1.amazonaws.com.cn",
        "https://STS.EU-WEST-1.AMAZONAWS.COM:443",
    ],
)
def test_demo_users_live_beside_no_endpoint_of_aws(settings, endpoint):
    settings.POSTURE_DEMO, settings.POSTURE_DEMO_PASSWORD = True, "printed"
    settings.AWS_ENDPOINT_URL = endpoint
    assert not sign_in.is_demo_on()
    with pytest.raises(CommandError, match="only for the sandbox"):
        call_command("seed_demo")
    with pytest.raises(CommandError, match="Only a sandbox"):
        call_command("collect_history")


def test_every_check_is_tried_by_a_test():
    """Ids in the package, against those that the tests name; E001 and such with or without their prefix."""
    sources = "".join(
        path.read_text() for path in (ROOT / "posture" / "system_checks").glob("*.py")
    )
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    ids = sorted(set(re.findall(r'id="posture\.([EW]\d{3})"', sources)))
    assert len(ids) > 20
    assert [one for one in ids if not re.search(rf"(?:posture\.|\"){one}\"", tests)] == []
    twice = [one for one in ids if sources.count(f'id="posture.{one}"') > 1]
    assert twice == []


# The way that docs/operating.md and docker-compose.yml describe


def example(name):
    """The value that .env.example shows for a variable."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return next(line.split("=", 1)[1] for line in lines if line.startswith(f"#{name}="))


@pytest.fixture
def production(tmp_path):
    """The environment of the web container, with the lines of .env that docs/operating.md asks for."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    write_missing(tmp_path)
    environment = {
        name: value.replace("/run/secrets/", f"{tmp_path}/")
        for name, value in compose["services"]["web"]["environment"].items()
    }
    environment["POSTURE_HUB_ROLE_ARN"] = example("POSTURE_HUB_ROLE_ARN")
    environment["POSTURE_TRUSTED_PROXIES"] = example("POSTURE_TRUSTED_PROXIES")
    return environment | {
        "POSTURE_BASE_URL": "https://parapet.example.com",
        "POSTURE_ALLOWED_HOSTS": "parapet.example.com",
        "POSTURE_IGNORE_ENV_FILES": "1",
        "PATH": os.environ["PATH"],
    }


def check(environment):
    command = [sys.executable, "-W", "error", "manage.py", "check", "--deploy"]
    return subprocess.run(
        [*command, "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_published_way_to_run_has_no_problem_that_django_or_we_know_of(production):
    done = check(production)
    assert done.stderr + done.stdout == "System check identified no issues (0 silenced).\n"
    assert done.returncode == 0


def test_a_dangerous_way_to_run_does_not_start(production):
    done = check(production | {"POSTURE_DEBUG": "1", "POSTURE_ALLOWED_HOSTS": "*"})
    assert done.returncode == 1
    for code in ("posture.E013", "posture.E015", "security.W018"):
        assert code in done.stderr
