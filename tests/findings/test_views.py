"""The findings list and one finding, in whole and in part."""

import re

import pytest
import time_machine
from django.urls import reverse

from findings import forms
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

HTMX = {"HX-Request": "true"}
LIST = "/findings/"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db):
    team = factories.team(slug="payments")
    ou = factories.ou(name="Production")
    mine = factories.account(ou=ou, team=team, name="payments-api")
    foreign = factories.account(name="foreign-account")
    public = factories.control(control_id="S3.8", severity="CRITICAL", title="Public bucket")
    tags = factories.control(control_id="EC2.43", severity="LOW", title="No tags", area="CULTURE")
    found = {
        "mine": factories.finding(account=mine, control=public),
        "low": factories.finding(account=mine, control=tags),
        "passed": factories.finding(account=mine, control=public, status="PASSED", title="Fine"),
        "foreign": factories.finding(account=foreign, control=public, title="Foreign finding"),
    }
    factories.count_findings()
    return found | {"ou": ou, "team": team}


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_list_shows_open_findings_and_how_many_there_are(engineer, world):
    shown = text(engineer.get(LIST))
    assert "3 open findings of 4" in shown
    assert "Public bucket" in shown and "Foreign finding" in shown and "Fine" not in shown
    assert "2 d late" in shown


def test_filters_come_from_the_address_and_can_be_taken_away_one_by_one(engineer, world):
    query = f"?severity=CRITICAL&severity=HIGH&ou={world['ou'].ou_id}&sort=newest"
    response = engineer.get(LIST + query)
    shown = text(response)
    assert "1 open finding" in shown and "Public bucket" in shown and "No tags" not in shown
    content = response.content.decode()
    assert f'href="{LIST}?ou={world["ou"].ou_id}&amp;sort=newest"' in content
    assert "Critical, High" in shown


def test_all_states_can_be_shown(engineer, world):
    shown = text(engineer.get(LIST + "?status=OPEN&status=PASSED"))
    assert "4 findings" in shown and "Fine" in shown


def test_htmx_gets_filters_and_results_without_the_frame(engineer, world):
    response = engineer.get(LIST + "?severity=LOW", headers=HTMX)
    content = response.content.decode().strip()
    assert content.startswith('<div class="find" id="find">') and "<html" not in content
    assert "No tags" in content and "Public bucket" not in content
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize(
    "query",
    [
        "?severity=EXTREME",
        "?status=x&area=y",
        "?ou=ou-none",
        "?account=12",
        "?sort=sideways",
        "?cursor=zzz",
        "?q=%00",
        "?region=%00",
        "?product=" + "&product=".join(str(n) for n in range(99)),
        "?q=" + "a" * 999,
        "?control=" + "a" * 999,
        "?overdue=maybe",
    ],
)
def test_nonsense_in_the_address_is_named_and_is_no_error(engineer, world, query):
    for headers in ({}, HTMX):
        response = engineer.get(LIST + query, headers=headers)
        assert response.status_code == 200


def test_an_unknown_value_is_named(engineer, world):
    shown = text(engineer.get(LIST + "?severity=EXTREME&severity=LOW"))
    assert "EXTREME is not one of the values to filter by" in shown


def test_a_foreign_ou_is_no_filter(client, world):
    client.force_login(factories.team_member(team=world["team"]))
    shown = text(client.get(f"{LIST}?ou={world['ou'].ou_id}"))
    assert "There is no such organisational unit" in shown
    assert "Production" not in shown


def test_of_several_values_only_the_wrong_one_is_left_out(engineer, world):
    shown = text(engineer.get(LIST + "?severity=EXTREME&severity=LOW&account=12"))
    assert "No tags" in shown and "Public bucket" not in shown
    assert "An account id has 12 digits" in shown


def test_old_links_to_what_is_past_due_still_work(engineer, world):
    response = engineer.get(LIST + "?severity=CRITICAL&overdue=on")
    shown = text(response)
    assert "due Past due" in shown and "Public bucket" in shown
    assert f'href="{LIST}?severity=CRITICAL"' in response.content.decode()


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("severity:critical ", "severity=CRITICAL"),
        ("severity:critical,low bucket ", "severity=CRITICAL&severity=LOW&q=bucket"),
        ('team:"payments core" x', "team=payments+core&q=x"),
        ("due:overdue env:production ", "sla=OVERDUE&environment=production"),
        ('area:"Data protection" ', "area=DATA_PROTECTION"),
        ("ou:production words ", "ou=production&q=words"),
    ],
)
def test_filters_can_be_typed(engineer, world, typed, address):
    query = {"q": typed}
    response = engineer.get(LIST, query)
    assert response["Location"].removesuffix("&") == f"{LIST}?{address}" or sorted(
        response["Location"].partition("?")[2].split("&")
    ) == sorted(address.split("&"))
    pushed = engineer.get(LIST, query, headers=HTMX)
    assert pushed["HX-Push-Url"] == response["Location"]


@pytest.mark.parametrize("typed", ["severity:cri", "severity:", "severity:critical"])
def test_what_is_still_being_typed_is_no_filter_yet(engineer, world, typed):
    factories.write_words()
    response = engineer.get(LIST, {"q": f"tags {typed}"}, headers=HTMX)
    assert "HX-Push-Url" not in response
    assert f'value="tags {typed}"' in response.content.decode()
    assert "No tags" in text(response)


def test_an_ou_is_found_by_its_name(engineer, world):
    shown = text(engineer.get(LIST + "?ou=production"))
    assert "2 open findings" in shown and "OU Production" in shown


def test_ready_made_views_are_links_and_know_when_they_are_on(engineer, world):
    content = engineer.get(LIST).content.decode()
    link = re.search(r'href="(/findings/\?[^"]+)">Critical, public', content).group(1)
    there = engineer.get(link.replace("&amp;", "&")).content.decode()
    assert there.count('aria-current="true">Critical, public') == 1
    assert "is not one of the values" not in there


def test_every_facet_of_the_list_answers_when_it_is_opened(engineer, world):
    for name in forms.PARAMETERS:
        for headers in ({}, HTMX):
            response = engineer.get(f"{LIST}facet/{name}/?severity=CRITICAL", headers=headers)
            assert response.status_code == 200
            assert ("<html" in response.content.decode()) is not bool(headers)
    assert engineer.get(f"{LIST}facet/nonsense/").status_code == 404


def test_a_facet_is_searched_in(engineer, world):
    found = text(engineer.get(f"{LIST}facet/account/?contains=payments", headers=HTMX))
    assert "payments-api" in found and "foreign-account" not in found
    nothing = text(engineer.get(f"{LIST}facet/account/?contains=%00zzz", headers=HTMX))
    assert "Nothing here has “zzz”" in nothing


def test_a_list_without_rows_says_what_to_do(engineer, world):
    assert "Clear all filters" in text(engineer.get(LIST + "?severity=MEDIUM"))


def test_without_any_finding_the_list_does_not_call_it_good_news(engineer):
    assert "what is missing is not good news" in text(engineer.get(LIST))


def test_the_list_goes_on_by_key_and_keeps_its_filters(engineer, world):
    control = factories.control(severity="HIGH", title="Many")
    for _ in range(60):
        factories.finding(account=world["mine"].account, control=control)
    content = engineer.get(LIST + "?severity=HIGH").content.decode()
    link = re.search(r'rel="next" href="([^"]+)"', content).group(1).replace("&amp;", "&")
    second = engineer.get(link)
    assert "severity=HIGH" in link
    assert second.content.decode().count('name="finding"') == 10
    assert 'rel="prev"' in second.content.decode() and 'rel="next"' not in second.content.decode()


def test_a_finding_has_a_page_with_what_aws_sent(engineer, world):
    url = reverse("findings:detail", args=[world["mine"].pk])
    shown = text(engineer.get(url + "?severity=CRITICAL"))
    for part in ("Public bucket", "S3.8", "FAILED", "Opened", "&quot;Title&quot;", "payments-api"):
        assert part in shown
    content = engineer.get(url + "?severity=CRITICAL").content.decode()
    assert f'href="{LIST}?severity=CRITICAL"' in content


def test_the_drawer_is_the_same_address_without_the_frame(engineer, world):
    url = reverse("findings:detail", args=[world["mine"].pk])
    response = engineer.get(url, headers=HTMX | {"HX-Target": "drawer"})
    content = response.content.decode()
    assert "<html" not in content and "data-drawer-close" in content and "<h2>" in content
    assert "HX-Request" in response["Vary"]


def test_closing_the_drawer_empties_it_and_leaves_the_list(engineer, world):
    response = engineer.get(LIST, headers=HTMX | {"HX-Target": "drawer"})
    assert response.content == b""
    assert "HX-Target" in response["Vary"]


def test_what_aws_sent_cannot_add_markup(engineer, world):
    evil = '</code><script>alert("1")</script>'
    control = factories.control(title=evil)
    payload = {"Description": evil, evil: [evil, None, True, -1.5e3]}
    found = factories.finding(
        account=world["mine"].account, control=control, payload=payload, resource_id=evil
    )
    for url in (reverse("findings:detail", args=[found.pk]), LIST):
        content = engineer.get(url).content.decode()
        assert "<script>alert" not in content and "&lt;script&gt;" in content


@pytest.mark.parametrize("pk", [999_999, 2**63, 10**30])
def test_a_finding_that_is_not_there_is_not_found(engineer, pk):
    assert engineer.get(f"/findings/{pk}/").status_code == 404


def test_a_team_member_finds_their_findings_only(client, world):
    client.force_login(factories.team_member(team=world["team"]))
    shown = text(client.get(LIST))
    assert "2 open findings" in shown and "Foreign finding" not in shown
    foreign = reverse("findings:detail", args=[world["foreign"].pk])
    assert client.get(foreign).status_code == 404
    assert client.get(reverse("findings:detail", args=[world["mine"].pk])).status_code == 200


def test_a_stranger_finds_nothing(client, world):
    client.force_login(factories.person(role="Team member"))
    shown = text(client.get(LIST))
    assert "0 open findings" in shown and "Public bucket" not in shown
