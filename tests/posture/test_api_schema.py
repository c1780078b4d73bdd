"""Everything that the description of the API allows is asked, and answered as it says."""

import json
from datetime import timedelta

import pytest
import requests
import schemathesis
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from findings.models import Control
from invariants.actions import exceptions
from invariants.actions.exceptions import By
from invariants.ingest.catalogue import load_catalogue
from posture.actions import tokens
from posture.api import index
from posture.models import KpiPoint
from posture.policies import roles
from tests import factories
from tests.browser import demo
from tests.fixtures import reviews
from tests.fixtures.exception_pages import erase_exceptions
from tests.invariants.exceptions.world import FILLED

# Of each way of asking; the code behind it is the same for everybody, what they see is not.
EXAMPLES = {"engineer": 5, "member": 3}
# Valid in form only: a cursor that nobody gave out, an OU that is not there, a day to come.
NOT_ASKED = [checks.positive_data_acceptance]
PATHS = 52
# What can be written, by the last part of the address below exceptions.
_STEPS = (
    *("submit", "withdraw", "triage", "assess", "approve", "grant", "reject", "request-changes"),
    *("implement", "remove", "revoke", "narrow", "comment", "renew"),
)
WRITTEN = {
    "exceptions": ("post",),
    "{ref}": ("patch",),
    "scope": ("put",),
    **dict.fromkeys(_STEPS, ("post",)),
}
# Asked once for each address and not for each example.
ONCE = [checks.unsupported_method, checks.ignored_auth]


def test_the_description_has_no_warning(tmp_path):
    file = tmp_path / "schema.yaml"
    call_command("spectacular", file=str(file), validate=True, fail_on_warn=True)
    assert file.read_text().startswith("openapi: 3.1")


def test_every_resource_is_described_and_nothing_else():
    found = json.loads(index.described("json"))
    assert {"/api/v1/", "/api/v1/findings/{id}/", "/api/v1/kpis/{kpi_id}/points/"} <= set(
        found["paths"]
    )
    assert len(found["paths"]) == PATHS
    assert set(found["components"]["securitySchemes"]) == {"token", "cookieAuth"}
    for path, operations in found["paths"].items():
        assert set(operations) <= {"get", *WRITTEN.get(_part(path), ())}, path
        for method, operation in operations.items():
            assert operation["description"], path
            own = {"304"} if method == "get" else {"409", "412", "415"}
            assert {*own, "400", "401", "403", "404", "429", "500"} <= set(operation["responses"])
            assert set(operation["responses"]) & {"200", "201"}


def test_what_is_written_is_exceptions_alone():
    found = json.loads(index.described("json"))["paths"]
    written = {path: set(operations) - {"get"} for path, operations in found.items()}
    assert {_part(path) for path, methods in written.items() if methods} == set(WRITTEN)
    for path, operations in found.items():
        for method in written[path]:
            sent = operations[method]["requestBody"]["content"]
            assert set(sent) == {"application/json"}, path


def _part(path):
    """The last word of an address below exceptions, "" of all others."""
    words = path.removeprefix("/api/v1/").strip("/").split("/")
    return words[-1] if words[0] == "exceptions" else ""


@pytest.fixture
def world(erasable_reviews):
    found = demo.build()
    load_catalogue(factories.organization(), folders=(), now=found["now"])
    reviews.published_review()
    for days in range(3):
        KpiPoint.objects.create(
            ou=factories.root(),
            kpi="K12",
            day=found["now"].date() - timedelta(days=days),
            numerator=90 - days,
            denominator=100,
            covered=9,
            expected=10,
        )
    yield found
    erase_exceptions()


def signed(owner, rights, now):
    _, text = tokens.create(owner, owner=owner, name="test", rights=rights, days=5, now=now)
    return {"Authorization": f"Bearer {text}"}


def all_asked(url, headers, things, *, examples):
    """Asks every operation what may and what may not be asked; the statuses of the answers.

    Things that are there are named as often as ones that are not.
    """
    load_all_checks()
    schema = schemathesis.openapi.from_dict(json.loads(index.described("json")))
    asked = []
    with requests.Session() as session:
        for result in schema.get_all_operations():
            operation = result.ok()
            named = {one.name: things[one.name] for one in operation.path_parameters}
            strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
            if named:
                strategies.append(operation.as_strategy(path_parameters=named))
            for strategy in strategies:
                _ask(strategy, url, headers, session, asked, examples)
    return asked


def _ask(strategy, url, headers, session, asked, examples):
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def ask(case):
        response = case.call(base_url=url, headers=headers, session=session)
        asked.append(response.status_code)
        left_out = NOT_ASKED if len(asked) % examples == 1 else [*NOT_ASKED, *ONCE]
        case.validate_response(response, excluded_checks=left_out, headers=headers)

    ask()


def _submitted(world):
    """A request of somebody else, for the account that everybody here sees."""
    asker = By(factories.person(role="Security engineer", username="asker"))
    request = exceptions.draft(asker, Control.objects.get(control_id="S3.1"), now=world["now"])
    changes = FILLED | {"mechanism": "NONE"}
    exceptions.save(asker, request.pk, changes, now=world["now"])
    place = exceptions.Line("ACCOUNT", world["account"].account_id)
    exceptions.set_scope(asker, request.pk, [place], now=world["now"])
    return exceptions.submit(asker, request.pk, now=world["now"]).ref


@pytest.mark.parametrize("who", ["engineer", "member"])
def test_whatever_is_asked_is_answered_as_described(live_server, world, who):
    owner = world[who]
    rights = {
        "engineer": [
            *(roles.SEE_EVERYTHING, roles.READ_FINDINGS, roles.READ_REVIEWS),
            *(roles.REQUEST_EXCEPTIONS, roles.TRIAGE_EXCEPTIONS),
        ],
        "member": [roles.READ_FINDINGS, roles.REQUEST_EXCEPTIONS],
    }[who]
    things = {
        "account_id": world["account"].account_id,
        "control_id": "S3.1",
        "id": world["finding"].pk,
        "key": "kms-delete",
        "kpi_id": "K12",
        "ou_id": world["production"].ou_id,
        "ref": _submitted(world),
        "week": "2026-W47",
    }
    headers = signed(owner, rights, world["now"])
    asked = all_asked(live_server.url, headers, things, examples=EXAMPLES[who])
    assert {200, 304, 400, 404} <= set(asked)
    assert max(asked) < 500
