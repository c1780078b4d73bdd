"""The catalogue of controls: which there are, what is switched off, what is in no area yet."""

import html
import re

import pytest
import time_machine
import yaml
from django.urls import reverse

from findings.models import Standard
from findings.queries import controls, hints
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

LIST = "/findings/controls/"
FSBP = "standards/aws-foundational-security-best-practices/v/1.0.0"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


@pytest.fixture
def account():
    return factories.account(team=factories.team(slug="payments"))


def text(response):
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(words))


def ids(response):
    return re.findall(
        r'<span class="sub mono">([^<]+)</span></td><td><span class="sev', response.content.decode()
    )


def test_those_without_an_area_come_first_and_numbers_sort_as_numbers(engineer):
    for control_id in ("EC2.10", "EC2.2", "GuardDuty.Finding", "S3.1"):
        factories.control(control_id=control_id)
    factories.control(control_id="Zebra.1", area="")
    response = engineer.get(LIST)
    assert ids(response) == ["Zebra.1", "EC2.2", "EC2.10", "GuardDuty.Finding", "S3.1"]
    assert "1 control stands in no area yet." in text(response)


def test_a_switched_off_control_says_so_with_its_reason(engineer):
    factories.control(control_id="S3.1", status="DISABLED", disabled_reason="Not for <us>")
    response = engineer.get(LIST)
    assert "switched off" in text(response)
    assert 'title="Not for &lt;us&gt;"' in response.content.decode()
    assert "Not for &lt;us&gt;" in engineer.get(f"{LIST}S3.1/").content.decode()


def test_the_list_is_narrowed_by_area_kind_and_words(engineer, account):
    failing = factories.control(control_id="S3.1", title="Public buckets")
    factories.control(control_id="IAM.1", area="IDENTITY", title="Stars in policies")
    factories.control(control_id="EC2.1", status="DISABLED")
    factories.control(control_id="GuardDuty.Finding", is_scored=False)
    factories.control(control_id="New.1", area="")
    factories.finding(account=account, control=failing)
    factories.count_findings()
    for query, expected in {
        "?area=IDENTITY": ["IAM.1"],
        "?show=disabled": ["EC2.1"],
        "?show=unmapped": ["New.1"],
        "?show=unscored": ["GuardDuty.Finding"],
        "?show=failing": ["S3.1"],
        "?q=stars": ["IAM.1"],
        "?q=iam.": ["IAM.1"],
        "?q=iam&show=disabled": [],
    }.items():
        assert ids(engineer.get(LIST + query)) == expected, query
    assert "No control matches" in text(engineer.get(f"{LIST}?q=nothing"))


@pytest.mark.parametrize("query", ["?area=x", "?show=y", "?q=%00", "?cursor=z", "?q=" + "a" * 999])
def test_nonsense_in_the_address_is_no_error(engineer, query):
    factories.control()
    assert engineer.get(LIST + query).status_code == 200


def test_the_list_goes_on_by_key_and_keeps_its_filters(engineer):
    for number in range(controls.PAGE_SIZE + 5):
        factories.control(control_id=f"EC2.{number + 1}")
    first = engineer.get(f"{LIST}?q=EC2")
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first.content.decode())
    second = engineer.get(following.replace("&amp;", "&"))
    assert "q=EC2" in following
    assert ids(first) + ids(second) == [f"EC2.{number + 1}" for number in range(105)]
    (back,) = re.findall(r'rel="prev" href="([^"]+)"', second.content.decode())
    assert ids(engineer.get(back.replace("&amp;", "&"))) == ids(first)


def test_the_list_costs_the_same_for_few_controls_and_for_many(django_assert_num_queries):
    user = factories.security_engineer()
    factories.control()
    controls.controls(user)
    with django_assert_num_queries(2):
        controls.controls(user)
    for _ in range(40):
        factories.control()
    with django_assert_num_queries(2):
        controls.controls(user)


def test_standards_are_listed_with_how_many_controls_they_have(engineer):
    Standard.objects.create(
        organization=factories.organization(),
        arn=f"arn:aws:securityhub:eu-west-1::{FSBP}",
        name="AWS Foundational Security Best Practices",
        status="READY",
    )
    for _ in range(3):
        factories.control(standards=[FSBP])
    words = text(engineer.get(LIST))
    assert "AWS Foundational Security Best Practices" in words and "3 controls" in words


def test_a_control_has_a_page_with_what_it_checks_and_how_it_stands(engineer, account):
    Standard.objects.create(
        organization=factories.organization(),
        arn=f"arn:aws:securityhub:eu-west-1::{FSBP}",
        name="Best Practices",
        status="READY",
    )
    control = factories.control(
        control_id="IAM.22",
        description="Credentials unused for 45 days should go.",
        standards=[FSBP, "standards/unknown/v/1"],
        parameters={
            "maxAge": {"ValueType": "CUSTOM", "Value": {"Integer": 30}},
            "ports": {"ValueType": "DEFAULT", "Value": {"IntegerList": [22, 3389]}},
            "plain": {"ValueType": "DEFAULT"},
        },
    )
    factories.finding(account=account, control=control)
    factories.finding(account=account, control=control, status="PASSED")
    factories.finding(account=factories.account(), control=control)
    factories.count_findings()
    words = text(engineer.get(f"{LIST}IAM.22/"))
    for part in (
        "Credentials unused for 45 days should go.",
        "Best Practices, standards/unknown/v/1",
        "maxAge 30 changed from AWS's default",
        "ports 22, 3389",
        "plain AWS's default",
        "2 open findings",
        "open in 2 accounts",
        "Service control policy",
    ):
        assert part in words, part


def test_a_control_is_counted_within_what_the_person_sees(client, account):
    control = factories.control(control_id="S3.8")
    factories.finding(account=account, control=control)
    factories.finding(account=factories.account(), control=control)
    factories.count_findings()
    client.force_login(factories.team_member(team=account.team))
    assert "1 open finding " in text(client.get(f"{LIST}S3.8/"))


def test_a_stranger_sees_no_catalogue(client):
    factories.control(control_id="S3.8", title="Public buckets")
    client.force_login(factories.person(role="Team member"))
    assert "Public buckets" not in text(client.get(LIST))
    assert client.get(f"{LIST}S3.8/").status_code == 404


@pytest.mark.parametrize("control_id", ["none", "%00", "a/b/c", "'--"])
def test_a_control_that_is_not_there_is_not_found(engineer, control_id):
    assert engineer.get(f"{LIST}{control_id}/").status_code == 404


def test_a_control_may_have_any_sign_in_its_id(engineer, account):
    control = factories.control(control_id="Tool/<x> ü.1")
    found = factories.finding(account=account, control=control)
    url = reverse("findings:control", args=[control.control_id])
    assert engineer.get(url).status_code == 200
    assert url in engineer.get(reverse("findings:detail", args=[found.pk])).content.decode()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", ""])
def test_a_remediation_link_that_is_no_web_link_is_not_offered(engineer, url):
    factories.control(control_id="S3.8", remediation_url=url)
    assert "How to fix it" not in text(engineer.get(f"{LIST}S3.8/"))


def test_the_first_steps_are_shown_where_nothing_has_been_collected(engineer):
    assert "No control is known yet" in text(engineer.get(LIST))


@pytest.fixture(scope="module")
def preventions():
    return yaml.safe_load(hints.PATH.read_text(encoding="utf-8"))


def test_every_prevention_names_its_kind_its_reach_and_aws_own_documentation(preventions):
    for entry in preventions["preventions"]:
        assert set(entry) == {"kind", "stops", "text", "url", "controls"}, entry
        assert entry["kind"] in preventions["kinds"]
        assert entry["stops"] in ("finding", "risk")
        assert re.fullmatch(r"https://docs\.aws\.amazon\.com/[\w./-]+\.html", entry["url"])
        assert entry["text"].endswith(".") and len(entry["text"]) < 160
        assert len(set(entry["controls"])) == len(entry["controls"])


def test_preventions_name_controls_by_their_ids_and_cover_the_usual_ones(preventions):
    named = {name for entry in preventions["preventions"] for name in entry["controls"]}
    hub = {name for name in named if re.fullmatch(r"[A-Z][A-Za-z0-9]*\.[1-9]\d*", name)}
    assert len(hub) >= 40
    assert named - hub <= {
        "AccessAnalyzer.ExternalAccess",
        "AccessAnalyzer.UnusedIAMUserAccessKey",
        "AccessAnalyzer.UnusedIAMUserPassword",
        "AccessAnalyzer.UnusedPermission",
    }
