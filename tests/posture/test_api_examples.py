"""The examples of docs/api-examples.md, as they stand there, against a real server with a real token."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import types
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from invariants.evaluation import coverage as evaluation
from posture.actions import tokens, webhooks
from posture.models import KpiPoint
from posture.policies import roles
from tests import factories
from tests.factories import NOW
from tests.fixtures import coverage
from tests.fixtures.receivers import pump, webhook

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api-examples.md"
_BLOCK = re.compile(r"```(?:bash|python)\n# example: (\S+)\n(.*?)```", re.DOTALL)
EXAMPLES = dict(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))
RUN_BELOW = {
    "findings.sh",
    "findings.py",
    "scorecard.sh",
    "unchanged.sh",
    "kpi_points.py",
    "gaps.py",
    "verify.py",
}
pytestmark = pytest.mark.xdist_group("examples")


def test_every_example_is_run():
    blocks = re.findall(r"^```(\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(EXAMPLES) == RUN_BELOW
    assert len([kind for kind in blocks if kind != "text"]) == len(RUN_BELOW)


@pytest.fixture
def shell(transactional_db, live_server, tmp_path):
    """Runs an example as somebody would who has copied it; returns what it prints."""
    factories.root()
    lead = factories.person(role="Security lead", username="lena")
    rights = [roles.SEE_EVERYTHING, roles.READ_FINDINGS]
    moment = _today()
    _, token = tokens.create(lead, owner=lead, name="examples", rights=rights, days=2, now=moment)

    def run(name, *arguments, **variables):
        path = tmp_path / name
        path.write_text(EXAMPLES[name], encoding="utf-8")
        program = [sys.executable] if name.endswith(".py") else ["bash", "-euo", "pipefail"]
        environment = {"PATH": os.environ["PATH"], "PARAPET_URL": live_server.url}
        done = subprocess.run(
            [*program, str(path), *arguments],
            cwd=tmp_path,
            env=environment | {"PARAPET_TOKEN": token} | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    run.folder = tmp_path
    return run


def _today():
    """By the real clock, which the server goes by."""
    from django.utils import timezone  # noqa: PLC0415

    return timezone.now()  # noqa: TID251


@pytest.fixture
def world(shell):
    """One account with 57 findings to be told, more than a page of them."""
    ou = factories.ou(name="Workloads")
    account, control = factories.account(ou=ou), factories.control()
    for severity, count in (("CRITICAL", 7), ("HIGH", 50), ("LOW", 3)):
        for _ in range(count):
            factories.finding(account=account, control=control, severity=severity)
    factories.count_findings()
    factories.write_words()
    return account


def test_findings_are_paged_through(shell, world):
    lines = shell("findings.py").splitlines()
    assert len(lines) == 57
    assert {tuple(line.split("\t")[1:]) for line in lines} == {
        (world.account_id, "S3 buckets should block public access")
    }
    shell("findings.sh")
    pages = sorted(shell.folder.glob("findings-*.json"))
    found = [json.loads(page.read_text(encoding="utf-8"))["results"] for page in pages]
    assert [len(page) for page in found] == [50, 7]
    assert len({one["id"] for page in found for one in page}) == 57


def test_a_scorecard_as_of_a_day_and_unchanged(shell):
    ou = factories.ou(name="Workloads")
    factories.account_day(account=factories.account(ou=ou), day=date(2026, 11, 17), score=71)
    factories.ou_day(ou=ou, day=date(2026, 11, 17), score=71)
    factories.ou_day(ou=ou, day=date(2026, 11, 20), score=80)
    found = json.loads(shell("scorecard.sh", PARAPET_OU=ou.ou_id))
    assert (found["name"], found["is_frozen"]) == ("Workloads", True)
    assert Decimal(found["standing"]["score"]) == 71
    assert shell("unchanged.sh", PARAPET_OU=ou.ou_id) == "304\n"


def test_the_points_of_a_kpi_become_csv_with_its_gaps(shell):
    first = date(2026, 9, 1)
    days = [first + timedelta(days=count) for count in range(60) if count != 3]
    KpiPoint.objects.bulk_create(
        KpiPoint(
            ou=factories.root(),
            kpi="K1",
            day=day,
            numerator=70,
            denominator=100,
            covered=1,
            expected=1,
        )
        for day in days
    )
    text = shell("kpi_points.py", "K1", "2026-09-01", "2026-10-30")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["day"] for row in rows] == [day.isoformat() for day in days]
    assert {Decimal(row["numerator"]) for row in rows} == {Decimal(70)}
    assert {Decimal(row["value"]) for row in rows} == {Decimal(70)}


def test_the_gaps_of_invariants_are_listed_account_by_account(shell):
    accounts = [factories.account(ou=factories.ou(name=name)) for name in ("Workloads", "More")]
    coverage.catalogue()
    ways = [(one.ou.ou_id, one.account_id) for one in accounts]
    coverage.full_access("r-ab12", *(target for way in ways for target in way))
    coverage.in_force("acct-leave-org", "kms-delete")
    coverage.of_invariant("acct-leave-org", "r-ab12")
    coverage.reading(NOW)
    evaluation.run(factories.organization(), now=NOW)
    lines = [line.split("\t") for line in shell("gaps.py").splitlines()]
    assert sorted(line[:3] for line in lines) == sorted(
        ["kms-delete", one.account_id, "MISSING"] for one in accounts
    )
    assert all(line[3] for line in lines)


@pytest.mark.django_db
def test_a_webhook_is_verified_by_the_standard_library_alone(receiver):
    factories.root()
    lead = factories.person(role="Security lead", username="lena")
    row, old = webhook(receiver, events=["collection.failed"], owner=lead)
    _, new = webhooks.rotate(lead, row.pk, now=NOW)
    webhooks.send_test(lead, row.pk, now=NOW)
    pump()
    (request,) = receiver.requests
    example = types.ModuleType("verify")
    exec(EXAMPLES["verify.py"], example.__dict__)  # what stands in the documentation
    at = NOW.timestamp()
    for secret in (old, new):
        assert example.verify(secret, request.headers, request.body, now=at + 200)
    assert not example.verify(new, request.headers, request.body + b" ", now=at)
    assert not example.verify("whsec_AAAA", request.headers, request.body, now=at)
    assert not example.verify(new, request.headers, request.body, now=at + 301)
    assert not example.verify(new, {}, request.body, now=at)
    forged = request.headers | {"webhook-id": "evt_0"}
    assert not example.verify(new, forged, request.body, now=at)
