"""What every answer of the API is alike in: tags, limits, problems."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError as Unreachable

from inventory.api import resources
from inventory.api.fields import Amount, Shape
from posture.actions import tokens
from posture.models import RollupState
from posture.policies import roles
from posture.queries.figures import Standing
from tests import factories
from tests.factories import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_attempts_yet"),
]
API = "/api/v1"
PATHS = ("/accounts/", "/scorecards/", "/findings/", "/kpis/", "/runs/", "/", "/schema/")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def engineer(client):
    factories.ou_day(ou=factories.root())
    factories.account_day(account=factories.account(team=factories.team(slug="payments")))
    factories.rollup_state()
    user = factories.security_engineer()
    client.force_login(user)
    return user


def bearer(owner, *rights):
    row, text = tokens.create(
        owner, owner=owner, name="test", rights=rights or [roles.READ_FINDINGS], days=5, now=NOW
    )
    return row, {"Authorization": f"Bearer {text}"}


# -- tags --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_what_somebody_has_is_not_sent_again(client, engineer, path):
    first = client.get(f"{API}{path}")
    assert first.status_code == 200 and first.content
    tag = first["ETag"]
    for sent in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = client.get(f"{API}{path}", headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert client.get(f"{API}{path}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/accounts/", "/scorecards/", "/runs/", "/findings/"])
def test_nobody_shares_a_tag_nor_a_cached_answer(client, engineer, path):
    tag = client.get(f"{API}{path}")["ETag"]
    for user in (
        factories.security_engineer(username="other"),
        factories.team_member(team=factories.team(slug="payments")),
    ):
        client.force_login(user)
        response = client.get(f"{API}{path}", headers={"If-None-Match": tag})
        assert response.status_code == 200 and response["ETag"] != tag
        assert response["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(response["Vary"].replace(" ", "").split(","))


def test_a_tag_of_a_person_ends_with_their_scope(client, engineer):
    tag = client.get(f"{API}/scorecards/")["ETag"]
    engineer.groups.clear()
    answer = client.get(f"{API}/scorecards/", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_tag_of_scores_holds_until_the_next_rollup_and_costs_no_reading(client, engineer, clock):
    path = f"{API}/scorecards/r-ab12/"
    tag = client.get(path)["ETag"]
    with CaptureQueriesContext(connection) as whole:
        client.get(path)
    with CaptureQueriesContext(connection) as spared:
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert len(spared) < len(whole) / 2
    clock.shift(timedelta(minutes=5))
    RollupState.objects.update(as_of=NOW)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("change", ["stage", "day", "query"])
def test_a_tag_of_scores_ends_with_all_that_they_hang_on(client, engineer, clock, change):
    factories.collection(state="RUNNING", stage="INVENTORY", finished_at=None)
    tag = client.get(f"{API}/accounts/")["ETag"]
    path = f"{API}/accounts/"
    if change == "stage":
        factories.Collection.objects.update(stage="FINDINGS")
    elif change == "day":
        clock.shift(timedelta(hours=13))
        # The session of yesterday is over.
        client.force_login(engineer)
    else:
        path += "?sort=name"
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_head_has_the_tag_and_no_body(client, engineer):
    head = client.head(f"{API}/accounts/")
    assert (head.status_code, head.content) == (200, b"")
    assert head["ETag"] == client.get(f"{API}/accounts/")["ETag"]


# -- limits ------------------------------------------------------------------------------------------


def test_a_token_has_so_many_requests_a_minute(client, engineer, settings, clock):
    settings.POSTURE_API_TOKEN_PER_MINUTE = 3
    _, first = bearer(engineer)
    _, second = bearer(engineer)
    left = [client.get(f"{API}/ous/", headers=first)["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = client.get(f"{API}/ous/", headers=first)
    assert refused.status_code == 429
    assert (refused["Retry-After"], refused["RateLimit-Limit"]) == ("60", "3")
    assert refused["Content-Type"] == "application/problem+json"
    assert "3 requests a minute for one token" in refused.json()["detail"]
    assert client.get(f"{API}/ous/", headers=second).status_code == 200
    clock.shift(timedelta(seconds=59))
    assert client.get(f"{API}/ous/", headers=first)["Retry-After"] == "1"
    clock.shift(timedelta(seconds=1))
    assert client.get(f"{API}/ous/", headers=first).status_code == 200


def test_a_person_has_so_many_with_all_tokens_and_sessions(client, engineer, settings):
    settings.POSTURE_API_PERSON_PER_MINUTE = 4
    _, token = bearer(engineer)
    asked = [client.get(f"{API}/ous/", headers=headers) for headers in (token, None, token, None)]
    assert [one.status_code for one in asked] == [200] * 4
    assert asked[-1]["RateLimit-Remaining"] == "0"
    refused = client.get(f"{API}/ous/")
    assert refused.status_code == 429 and "for one person" in refused.json()["detail"]
    client.force_login(factories.security_engineer(username="other"))
    assert client.get(f"{API}/ous/").status_code == 200


def test_an_address_without_a_good_token_has_few(client, settings):
    settings.POSTURE_API_ANONYMOUS_PER_MINUTE = 2
    bad = {"Authorization": "Bearer ppt_guessed"}
    statuses = [
        client.get(f"{API}/ous/", headers=one).status_code for one in (None, bad, bad, None)
    ]
    assert statuses == [401, 401, 429, 429]
    elsewhere = client.get(f"{API}/ous/", headers=bad, REMOTE_ADDR="192.0.2.9")
    assert elsewhere.status_code == 401
    # Somebody good from the same address is not locked out by it.
    client.force_login(factories.security_engineer())
    assert client.get(f"{API}/ous/").status_code == 200


def test_what_is_refused_counts_as_well(client, settings):
    settings.POSTURE_API_PERSON_PER_MINUTE = 2
    client.force_login(factories.stranger())
    statuses = [client.get(f"{API}/findings/").status_code for _ in range(3)]
    assert statuses == [403, 403, 429]


def test_without_valkey_everybody_is_answered_and_it_is_logged(
    client, engineer, monkeypatch, caplog
):
    def fail(*args, **names):
        raise Unreachable("no Valkey")

    monkeypatch.setattr(cache, "add", fail)
    response = client.get(f"{API}/ous/")
    assert response.status_code == 200 and "RateLimit-Limit" not in response
    assert "could not be counted" in caplog.text


# -- problems ----------------------------------------------------------------------------------------


def problem(response, status):
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    found = response.json()
    assert found["status"] == status and found["title"] and found["detail"]
    assert "no-store" in response["Cache-Control"]
    assert response.request["PATH_INFO"] == found["instance"]
    return found


def test_who_has_not_signed_in(client):
    response = client.get(f"{API}/ous/")
    problem(response, 401)
    assert response["WWW-Authenticate"] == 'Bearer realm="Parapet API"'
    problem(client.get(f"{API}/ous/", headers={"Authorization": "Bearer ppt_x"}), 401)
    problem(client.get(f"{API}/nothing/"), 401)


def test_who_lacks_a_right(client):
    client.force_login(factories.person(role="Executive"))
    assert "Read findings" in problem(client.get(f"{API}/findings/"), 403)["detail"]
    client.force_login(factories.person(role="Team member"))
    assert "Read weekly reviews" in problem(client.get(f"{API}/reviews/"), 403)["detail"]


def test_a_session_without_a_second_factor(client):
    client.force_login(factories.local_person(), backend="posture.actions.sign_in.backend.Backend")
    found = problem(client.get(f"{API}/ous/"), 403)
    assert found["type"] == "urn:parapet:problem:second-factor"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nothing/",
            "/findings",
            "/findings/999999/",
            "/findings/abc/",
            "/accounts/123456789012/",
        ),
        *("/scorecards/ou-ab12-99999999/", "/kpis/K31/", "/reviews/2026-W99/", "/controls/X.1/"),
    ],
)
def test_what_is_not_there(client, engineer, path):
    found = problem(client.get(f"{API}{path}"), 404)
    assert "Traceback" not in found["detail"] and "urlpatterns" not in found["detail"]
    if path == "/findings":
        assert "end with a slash" in found["detail"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_can_be_changed(client, engineer, method, path):
    response = getattr(client, method)(f"{API}{path}", data="{}", content_type="application/json")
    problem(response, 405)
    assert "GET" in response["Allow"]


def test_an_answer_in_another_form_is_not_to_be_had(client, engineer):
    problem(client.get(f"{API}/ous/", headers={"Accept": "text/html"}), 406)
    for accepted in ("application/json", "application/*", "*/*"):
        assert client.get(f"{API}/ous/", headers={"Accept": accepted}).status_code == 200


def test_a_host_that_is_not_ours(client):
    problem(client.get(f"{API}/ous/", headers={"Host": "evil.example"}), 400)


def test_a_fault_says_nothing_of_itself(client, engineer, monkeypatch):
    def fail(*args, **names):
        raise RuntimeError("SELECT secret FROM posture_apitoken")

    monkeypatch.setattr(resources.parameters, "read", fail)
    client.raise_request_exception = False
    response = client.get(f"{API}/ous/")
    problem(response, 500)
    assert b"SELECT" not in response.content and b"Traceback" not in response.content


def test_options_say_what_can_be_done(client, engineer):
    response = client.options(f"{API}/ous/")
    assert (response.status_code, response.content) == (204, b"")
    assert response["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_description_is_for_who_is_signed_in(client, engineer, form):
    response = client.get(f"{API}/schema/", {"format": form})
    assert response.status_code == 200
    assert f"parapet-api.{form}" in response["Content-Disposition"]
    assert "3.1" in response.content.decode()[:40]
    client.logout()
    assert client.get(f"{API}/schema/").status_code == 401


def test_the_page_of_the_api_has_no_script_of_its_own(client, engineer):
    page = client.get(f"{API}/docs/").content.decode()
    assert "swagger-ui-bundle.js" in page and "https://" not in page
    assert f'data-schema="{API}/schema/?format=json"' in page


def test_a_number_that_json_does_not_know_is_no_fault():
    assert resources._json({"a": [float("inf"), 1.5]}) == b'{"a": [null, 1.5]}'


def test_a_field_that_is_misspelt_is_a_fault_and_no_gap():
    class Misspelt(Shape):
        scoer = Amount(allow_null=True)

    with pytest.raises(AttributeError):
        Misspelt(Standing()).data  # noqa: B018
