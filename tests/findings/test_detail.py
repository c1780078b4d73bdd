"""One finding in words: its state, its due date, its history, and what there is like it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from findings.models import (
    Episode,
    Finding,
    FindingPayload,
    FindingVulnerability,
    KnownVulnerability,
    WorkflowChange,
)
from findings.queries import detail, explanations, hints
from inventory import links
from posture import scoring
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
DAY = timedelta(days=1)
HTMX = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def account():
    team = factories.team(slug="payments")
    return factories.account(ou=factories.ou(name="Production"), team=team, name="payments-api")


@pytest.fixture
def control():
    return factories.control(control_id="S3.8", severity="HIGH", title="Buckets should be private")


@pytest.fixture
def engineer(client):
    client.force_login(factories.security_engineer())
    return client


def text(response):
    words = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", words)


def page(client, found):
    return text(client.get(reverse("findings:detail", args=[found.pk])))


def shown(found):
    """The finding as its page shows it to somebody who sees everything."""
    return detail.finding(factories.security_engineer(), found.pk, now=NOW)


ASFF = {
    "Description": "Anybody on the internet can read the bucket.",
    "Remediation": {
        "Recommendation": {"Text": "Turn on Block Public Access.", "Url": "https://example.org/fix"}
    },
    "Resources": [{"Id": "arn:aws:s3:::lake", "Tags": {"owner": "data", "class": "secret"}}],
}
OCSF = {
    "finding_info": {"desc": "Anybody on the internet can read the bucket."},
    "remediation": {
        "desc": "Turn on Block Public Access.",
        "references": ["javascript:alert(1)", "https://example.org/fix"],
    },
    "resources": [
        {
            "uid": "x",
            "tags": [{"name": "owner", "value": "data"}, {"name": "class", "value": "secret"}],
        }
    ],
}


@pytest.mark.parametrize("payload", [ASFF, OCSF], ids=["asff", "ocsf"])
def test_the_page_says_what_is_wrong_and_how_to_fix_it(engineer, account, control, payload):
    found = factories.finding(account=account, control=control, payload=payload)
    words = page(engineer, found)
    for part in (
        "Anybody on the internet can read the bucket.",
        "Turn on Block Public Access.",
        "class=secret",
        "owner=data",
        "payments-api",
        "Production",
    ):
        assert part in words
    assert shown(found).said.remediation_url == "https://example.org/fix"


def test_without_a_payload_the_control_speaks_and_the_page_says_that_it_was_removed(
    engineer, account
):
    control = factories.control(description="Checks that buckets are private.")
    found = factories.finding(account=account, control=control)
    FindingPayload.objects.all().delete()
    words = page(engineer, found)
    assert "Checks that buckets are private." in words
    assert "What was sent has been removed" in words
    assert shown(found).said.remediation_url == control.remediation_url


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://docs.aws.amazon.com/x", True),
        ("http://example.test/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.test", False),
        ("https://", False),
        ("http://[", False),
        ("HTTPS://docs.aws.amazon.com/x", True),
        ("https://docs.aws.amazon.com:443/x?a=b#c", True),
        ("https://docs.aws.amazon.com@evil.test/", False),
        ("https://docs.aws.amazon.com:99999/", False),
        ("https://:443/", False),
        ("https:docs.aws.amazon.com", False),
        ("https:\\\\evil.test", False),
        ("https://docs.aws.amazon.com\\@evil.test", False),
        ("java\tscript:alert(1)", False),
        (" javascript:alert(1)", False),
        ("\x01javascript:alert(1)", False),
        ("JaVaScRiPt://docs.aws.amazon.com/%0aalert(1)", False),
        ("vbscript:msgbox(1)", False),
        ("https://docs.aws.amazon.com/\u202etxt.exe", False),
        ("https://docs.aws.amazon.com/a b", False),
        ("https://docs.aws\u200b.amazon.com/", False),
        ("https://docs.aws.amazon.com/\r\nSet-Cookie: a=b", False),
        ("https://docs.aws.amazon.com/" + "x" * 2000, False),
        ("/findings/", False),
    ],
)
def test_only_web_links_are_links(url, is_safe):
    assert links.is_web_link(url) is is_safe


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "http:", "x"])
def test_a_link_that_is_no_web_link_is_not_offered(account, url):
    control = factories.control(remediation_url=url)
    payload = {"Remediation": {"Recommendation": {"Url": url}}}
    found = factories.finding(account=account, control=control, payload=payload)
    assert shown(found).said.remediation_url == ""


@pytest.mark.parametrize(
    "payload",
    [
        [],
        "text",
        5,
        {"Resources": "none", "resources": [7], "Vulnerabilities": [None, "x"]},
        {"Resources": [{"Tags": [1, 2]}], "Remediation": [], "finding_info": "x"},
        {"findingDetails": [None, {"externalAccessDetails": {"principal": "x", "action": 5}}]},
        {"vulnerabilities": [{"cve": [], "affected_packages": {"name": "x"}}]},
    ],
)
def test_nonsense_in_a_payload_is_read_as_nothing(engineer, account, control, payload):
    found = factories.finding(account=account, control=control, payload={"a": 1})
    FindingPayload.objects.filter(finding=found).update(payload=payload)
    assert "Buckets should be private" in page(engineer, found)


def test_access_analyzers_grants_are_told_in_words(account, control):
    grants = {"principal": {"AWS": "*"}, "action": ["s3:GetObject"], "isPublic": True}
    payload = {"findingDetails": [{"externalAccessDetails": grants}]}
    found = factories.finding(account=account, control=control, payload=payload)
    assert shown(found).said.description == "Anybody may do s3:GetObject."


@pytest.mark.parametrize(
    ("severity", "rule", "days", "words"),
    [
        ("HIGH", "severity:HIGH", 30, "High: 30 days"),
        ("CRITICAL", "public:CRITICAL", 3, "Critical and publicly exposed: 3 days"),
        ("HIGH", "bod:3", 3, "CISA BOD 26-04: 3 days"),
        ("HIGH", "bod:14", 14, "CISA BOD 26-04: 14 days"),
        (
            "HIGH",
            "bod:3-triage",
            3,
            "CISA BOD 26-04: 3 days, and a forensic look at the machine",
        ),
        ("LOW", "bod:next-upgrade", None, "CISA BOD 26-04: with the next upgrade, no fixed day"),
        ("HIGH", "no-fix", None, "No fix is available yet: the clock starts when there is one"),
        ("INFORMATIONAL", "", None, "Informational: no clock"),
        ("MEDIUM", "", 90, "Medium: 90 days"),
        ("MEDIUM", "of-tomorrow:7", 7, "Medium: 7 days"),
    ],
)
def test_the_rule_of_a_due_date_is_told_in_words(account, control, severity, rule, days, words):
    opened = NOW - DAY
    found = factories.finding(
        account=account,
        control=control,
        severity=severity,
        opened_at=opened,
        due_at=opened + days * DAY if days else None,
        sla_rule=rule,
    )
    assert shown(found).due_rule == words


def test_a_clock_that_waited_for_a_fix_says_since_when_it_runs(account, control):
    found = factories.finding(
        account=account,
        control=control,
        sla_rule="bod:14",
        opened_at=NOW - 9 * DAY,
        fix_seen_at=NOW - 4 * DAY,
    )
    assert shown(found).due_rule == (
        "CISA BOD 26-04: 14 days, counted from 16 Nov 2026, when a fix was first named"
    )


def test_what_is_not_open_has_no_due_date(account, control):
    assert (
        shown(factories.finding(account=account, control=control, status="PASSED")).due_rule == ""
    )


def test_vulnerabilities_are_shown_with_what_cisa_says_the_exploited_ones_first(engineer, account):
    control = factories.control(control_id="Inspector.Vulnerability")
    package = {"Name": "kernel", "Version": "4.14", "FixedInVersion": "5.10"}
    payload = {"Vulnerabilities": [{"Id": "CVE-2026-1", "VulnerablePackages": [package]}]}
    found = factories.finding(account=account, control=control, payload=payload)
    FindingVulnerability.objects.create(finding=found, cve="CVE-2026-2", epss="0.90000")
    FindingVulnerability.objects.create(
        finding=found, cve="CVE-2026-1", epss="0.01250", has_fix=True, has_exploit=True
    )
    FindingVulnerability.objects.create(finding=found, cve="GHSA-x", has_fix=False)
    KnownVulnerability.objects.create(
        cve="CVE-2026-1",
        is_exploited=True,
        is_automatable=True,
        kev_added_on=NOW.date(),
        updated_at=NOW,
    )
    rows = shown(found).vulnerabilities
    assert [row.cve for row in rows] == ["CVE-2026-1", "CVE-2026-2", "GHSA-x"]
    assert rows[2].url == ""
    words = page(engineer, found)
    for part in (
        "known exploited",
        "automatable",
        "fix available",
        "EPSS 1.3%",
        "EPSS 90.0%",
        "kernel 4.14 → 5.10",
        "no fix yet",
        "KEV catalogue since 20 Nov 2026",
    ):
        assert part in words


def test_the_history_has_episodes_workflow_and_what_became_of_it(engineer, account, control):
    found = factories.finding(account=account, control=control, vanished_at=NOW - DAY)
    Episode.objects.create(
        finding=found, opened_at=NOW - 90 * DAY, closed_at=NOW - 80 * DAY, close_reason="PASSED"
    )
    Episode.objects.create(
        finding=found,
        opened_at=NOW - 70 * DAY,
        closed_at=NOW - 60 * DAY,
        close_reason="VANISHED",
        resumed=2,
    )
    WorkflowChange.objects.create(
        finding=found,
        at=NOW - 5 * DAY,
        before="NEW",
        after="SUPPRESSED",
        note="<b>Known</b>, see ticket",
        by="priya",
    )
    events = shown(found).events
    assert [event.at for event in events] == sorted([e.at for e in events], reverse=True)
    closed = [event.kind for event in events if event.text.startswith("Closed")]
    assert closed == ["", "ok"], "not reported is no good news"
    words = page(engineer, found)
    for part in (
        "Closed: the check passed",
        "Closed: not reported any more, which is not fixed",
        "closed and failed again 2 times within 14 days, so its clock went on",
        "Workflow: new → suppressed",
        "by priya",
        "&lt;b&gt;Known&lt;/b&gt;, see ticket",
        "not reported since 19 Nov 2026",
    ):
        assert part in words


def test_a_late_finding_says_since_when(account):
    control = factories.control(severity="CRITICAL")
    seen = shown(factories.finding(account=account, control=control))
    assert [event.text for event in seen.events] == [
        "Due date passed",
        "Opened",
        "First observed by AWS",
    ]
    assert (seen.row.age_days, seen.due.text) == (9, "2 d late")


def test_others_like_it_are_on_the_same_resource_of_the_same_account(engineer, account, control):
    other = factories.control(control_id="S3.5", title="Buckets should demand TLS")
    bucket = {"resource_id": "arn:aws:s3:::lake"}
    found = factories.finding(account=account, control=control, **bucket)
    factories.finding(account=account, control=other, **bucket)
    factories.finding(account=account, control=other, title="Mended", status="PASSED", **bucket)
    factories.finding(account=factories.account(), control=other, title="Foreign", **bucket)
    factories.finding(account=account, control=control, title="Elsewhere")
    factories.count_findings()
    seen = shown(found)
    assert [other.title for other in seen.others] == ["Buckets should demand TLS"]
    assert seen.control_open == 2
    assert "2 open findings of S3.8" in page(engineer, found)


def test_others_of_the_control_are_counted_within_what_the_person_sees(account, control):
    found = factories.finding(account=account, control=control)
    factories.finding(account=factories.account(), control=control)
    factories.count_findings()
    member = factories.team_member(team=account.team)
    assert detail.finding(member, found.pk, now=NOW).control_open == 1


def test_many_others_on_the_resource_lead_to_the_list(engineer, account, control):
    found = factories.finding(account=account, control=control, resource_id="arn:aws:s3:::lake")
    for _ in range(detail.OTHERS_SHOWN + 1):
        factories.finding(account=account, control=control, resource_id="arn:aws:s3:::lake")
    assert "All on this resource" in page(engineer, found)
    assert len(shown(found).others) == detail.OTHERS_SHOWN


def test_what_would_prevent_it_is_shown_with_how_far_it_goes(engineer, account, control):
    words = page(engineer, factories.finding(account=account, control=control))
    assert "What would prevent it" in words
    assert "S3 policy of the organisation" in words
    assert "takes the danger away" in words
    other = factories.control(control_id="Nothing.1")
    assert "What would prevent it" not in page(
        engineer, factories.finding(account=account, control=other)
    )


def test_a_floor_above_can_say_what_prevents_it_and_where_to_ask(
    engineer, account, control, monkeypatch
):
    monkeypatch.setattr(hints, "_hint_sources", [])
    monkeypatch.setattr(hints, "_way_sources", [])
    found = factories.finding(account=account, control=control)
    assert "Ask the security team for an exception" in page(engineer, found)

    def prevented(user, finding):
        return (hints.Hint("INV-007", f"denies {finding.control.control_id}", "/invariants/7/"),)

    def way(user, finding):
        return hints.Way("/exceptions/new/", "Request an exception")

    for _ in range(2):
        hints.register_hint(prevented)
        hints.register_exception(way)
    words = page(engineer, found)
    assert words.count("denies S3.8") == 1 and "S3 policy" not in words
    assert "Request an exception" in words and "Ask the security team" not in words


def test_what_is_not_open_needs_no_exception(engineer, account, control):
    found = factories.finding(account=account, control=control, status="PASSED")
    assert "If it cannot be fixed" not in page(engineer, found)


def test_what_is_excepted_says_so_and_needs_no_second_exception(engineer, account, control):
    found = factories.finding(account=account, control=control, is_excepted=True)
    words = page(engineer, found)
    assert "An approved exception covers it" in words and "If it cannot be fixed" not in words


def test_the_link_to_copy_is_the_findings_own(engineer, account, control):
    found = factories.finding(account=account, control=control)
    url = reverse("findings:detail", args=[found.pk])
    content = engineer.get(f"{url}?severity=HIGH", headers=HTMX).content.decode()
    assert f'data-copy="http://testserver{url}"' in content
    assert 'data-row-step="1"' in content and 'data-row-step="-1"' in content


def test_the_page_reads_the_same_however_much_there_is(
    engineer, account, control, django_assert_max_num_queries
):
    found = factories.finding(account=account, control=control)
    for number in range(20):
        factories.finding(account=account, control=control, resource_id=found.resource_id)
        FindingVulnerability.objects.create(finding=found, cve=f"CVE-2026-{number}")
        WorkflowChange.objects.create(finding=found, at=NOW, before="NEW", after="NOTIFIED")
    user = factories.security_engineer()
    detail.finding(user, found.pk, now=NOW)
    with django_assert_max_num_queries(9):
        detail.finding(user, found.pk, now=NOW)


def test_the_words_and_the_scores_agree_on_when_a_pass_is_stale():
    assert explanations.STALE_AFTER == scoring.STALE_AFTER


def test_a_finding_of_another_team_is_not_found(client, account, control):
    found = factories.finding(account=account, control=control)
    client.force_login(factories.team_member(team=factories.team(slug="others")))
    assert client.get(reverse("findings:detail", args=[found.pk])).status_code == 404
    assert Finding.objects.filter(pk=found.pk).exists()
