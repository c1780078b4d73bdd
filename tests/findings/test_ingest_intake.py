"""Feeds and who answers for a finding; late copies; what cannot be stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from findings import ingest
from findings.ingest import timeline
from findings.models import (
    Control,
    Episode,
    Feed,
    Finding,
    FindingVulnerability,
    KnownVulnerability,
    QuarantinedFinding,
)
from findings.normalise import reader
from findings.normalise.records import Page, Rejected, Vulnerability
from inventory.models import Collection, CollectionRun
from tests import factories
from tests.findings.records import NOW, record

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(account_id="200000000001")


@pytest.fixture
def catalog(account):
    return ingest.load_catalog(account.organization)


def take(records, catalog, *, as_of=NOW, feed=Feed.SECURITY_HUB):
    return ingest.upsert_findings(records, catalog=catalog, as_of=as_of, feed=feed)


def pages(catalog, records=(), rejected=(), *, feed=Feed.FILE, source="FILE"):
    page = Page(tuple(records), tuple(rejected), None)
    return ingest.take_pages(
        [page],
        organization=factories.organization(),
        catalog=catalog,
        feed=feed,
        source=source,
        as_of=NOW,
        beat=lambda counts: None,
    )


def sweep(source):
    collection, _ = Collection.objects.get_or_create(as_of=NOW, state="COMPLETE")
    run = CollectionRun.objects.create(
        collection=collection, organization=factories.organization(), source=source
    )
    return ingest.sweep_vanished(run, as_of=NOW)


def again(one, days, compliance):
    return record(
        finding_id=one.finding_id,
        resource_id=one.resource_id,
        compliance=compliance,
        updated_at=one.updated_at + days * DAY,
    )


def episodes():
    rows = Episode.objects.order_by("opened_at")
    return list(rows.values_list("opened_at", "closed_at", "close_reason", "resumed"))


def test_a_file_never_takes_a_finding_over_from_aws_and_aws_takes_it_over(catalog):
    of_aws, of_file = record(), record()
    take([of_aws], catalog)
    take([of_file], catalog, feed=Feed.FILE)
    take([again(of_aws, 0.01, "PASSED")], catalog, feed=Feed.FILE)
    found = {row.finding_id: row for row in Finding.objects.all()}
    assert (found[of_aws.finding_id].feed, found[of_aws.finding_id].status) == (
        "SECURITY_HUB",
        "PASSED",
    )
    assert found[of_file.finding_id].feed == "FILE"
    take([of_file], catalog)
    assert Finding.objects.get(finding_id=of_file.finding_id).feed == "SECURITY_HUB"


def test_at_the_same_moment_the_copy_of_aws_counts_and_not_that_of_a_file(catalog):
    one = record()
    other = replace(one, workflow="SUPPRESSED", content_hash=b"\xff" * 16)
    take([one], catalog)
    take([other], catalog, as_of=NOW + DAY, feed=Feed.FILE)
    assert Finding.objects.get().workflow == "NEW"
    Finding.objects.all().delete()
    take([other], catalog, as_of=NOW + DAY, feed=Feed.FILE)
    take([one], catalog)
    assert Finding.objects.get().workflow == "NEW"


def test_a_sweep_speaks_only_for_the_findings_of_its_own_feed(catalog):
    third = record(
        compliance="", product="acme-scan", product_arn="arn:aws:securityhub:x:1:product/a"
    )
    analyzer = record(compliance="", product_arn="arn:aws:access-analyzer:x:1:analyzer/a")
    file = record(compliance="")
    take([third], catalog)
    take([analyzer], catalog, feed=Feed.ACCESS_ANALYZER)
    take([file], catalog, feed=Feed.FILE)
    assert sweep("SECURITY_HUB") == 1
    assert Finding.objects.get(finding_id=third.finding_id).vanished_at == NOW
    assert sweep("ACCESS_ANALYZER") == 1
    assert Finding.objects.get(vanished_at=None).feed == "FILE"


def test_an_absence_ends_an_episode_unless_the_copy_of_before_it_comes_again(catalog):
    one = record(compliance="", control_id="GuardDuty.Finding", product="guardduty")
    take([one], catalog)
    assert sweep("SECURITY_HUB") == 1
    assert episodes() == [(one.updated_at, NOW, "VANISHED", 0)]
    take([one], catalog, as_of=NOW - DAY / 48)
    assert Finding.objects.get().vanished_at == NOW
    take([one], catalog)
    assert episodes()[0][1] is None
    CollectionRun.objects.all().delete()
    sweep("SECURITY_HUB")
    back = replace(one, updated_at=NOW + 20 * DAY)
    take([back], catalog, as_of=NOW + 20 * DAY)
    assert episodes() == [
        (one.updated_at, NOW, "VANISHED", 0),
        (NOW + 20 * DAY, None, "", 0),
    ]


def test_a_late_copy_splits_an_episode_as_if_it_had_come_in_time(catalog):
    first = record()
    opened = first.updated_at
    take([first, again(first, 40, "FAILED")], catalog, as_of=NOW + 50 * DAY)
    assert episodes() == [(opened, None, "", 0)]
    counts = take([again(first, 3, "PASSED")], catalog, as_of=NOW + 50 * DAY)
    assert (counts.older, counts.changed) == (1, 0)
    assert episodes() == [
        (opened, opened + 3 * DAY, "PASSED", 0),
        (opened + 40 * DAY, None, "", 0),
    ]
    found = Finding.objects.get()
    assert found.opened_at == opened + 40 * DAY
    assert found.due_at == opened + 70 * DAY


def test_a_late_failure_is_carried_through_a_newer_warning(catalog):
    one = record(compliance="WARNING")
    take([one], catalog)
    assert Finding.objects.get().status == "UNKNOWN"
    assert take([again(one, -1, "FAILED")], catalog).opened == 1
    found = Finding.objects.get()
    assert (found.status, found.compliance) == ("OPEN", "WARNING")
    assert (found.last_failed_at, found.sla_rule) == (one.updated_at - DAY, "severity:HIGH")
    assert take([again(one, -0.5, "PASSED")], catalog).closed == 1
    found = Finding.objects.get()
    assert (found.status, found.due_at, found.sla_rule) == ("UNKNOWN", None, "")


def test_a_copy_older_than_the_history_leaves_the_episodes_alone(catalog):
    one = record()
    for number in range(timeline.LIMIT + 2):
        take([again(one, number, "FAILED")], catalog, as_of=NOW + 50 * DAY)
    before = episodes()
    assert len(Finding.objects.get().history) == timeline.LIMIT
    take([again(one, 0.5, "PASSED")], catalog, as_of=NOW + 50 * DAY)
    assert episodes() == before
    take([again(one, timeline.LIMIT + 2, "PASSED")], catalog, as_of=NOW + 50 * DAY)
    closed_at = one.updated_at + (timeline.LIMIT + 2) * DAY
    assert episodes() == [(one.updated_at, closed_at, "PASSED", 0)]


def test_findings_from_before_there_was_a_history_go_on_from_their_episodes(catalog, account):
    control = factories.control(control_id="S3.8", severity="HIGH")
    old = factories.finding(account=account, control=control)
    opened = old.opened_at
    one = record(finding_id=old.finding_id, compliance="PASSED", updated_at=old.updated_at + DAY)
    key = ingest.key_of(product_arn=one.product_arn, finding_id=one.finding_id)
    Finding.objects.update(key=key)
    take([one], ingest.load_catalog(account.organization), as_of=NOW + 2 * DAY)
    assert episodes() == [(opened, one.updated_at, "PASSED", 0)]


def test_several_copies_in_one_batch_all_count(catalog):
    one = record()
    passed = again(one, 1, "PASSED")
    counts = take([passed, one, passed], catalog, as_of=NOW + 2 * DAY)
    assert (counts.new, counts.changed, counts.unchanged) == (1, 1, 1)
    assert (counts.opened, counts.closed) == (1, 1)
    assert episodes() == [(one.updated_at, passed.updated_at, "PASSED", 0)]


def test_the_clock_of_a_vulnerability_starts_when_there_is_a_fix(catalog):
    KnownVulnerability.objects.create(cve="CVE-2026-1", is_exploited=True, updated_at=NOW)
    one = record(compliance="", vulnerabilities=(Vulnerability("CVE-2026-1", has_fix=False),))
    take([one], catalog)
    found = Finding.objects.get()
    assert (found.sla_rule, found.due_at, found.status) == ("no-fix", None, "OPEN")
    fixed = record(
        finding_id=one.finding_id,
        compliance="",
        vulnerabilities=(Vulnerability("CVE-2026-1", has_fix=True, epss=0.25),),
        updated_at=one.updated_at + 5 * DAY,
    )
    take([fixed], catalog, as_of=NOW + 6 * DAY)
    found = Finding.objects.get()
    assert (found.sla_rule, found.due_at) == ("bod:14", one.updated_at + 19 * DAY)
    named = FindingVulnerability.objects.get()
    assert (named.has_fix, float(named.epss)) == (True, 0.25)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "p" * 61}, "product: is longer than 60 characters"),
        ({"region": "r" * 33}, "region: is longer than 32 characters"),
        ({"control_id": "c" * 81}, "control_id: is longer than 80 characters"),
        ({"resource_type": "t" * 121}, "resource_type: is longer than 120 characters"),
        ({"resource_count": 2**31}, "Resources: 2147483648 cannot be counted"),
        ({"title": "nul\0"}, "Text: has a NUL or half of a surrogate pair"),
        ({"resource_id": "half \ud800"}, "Text: has a NUL or half of a surrogate pair"),
        ({"finding_id": "id\0"}, "Text: has a NUL or half of a surrogate pair"),
        ({"workflow": "SOMETHING-LONG"}, "Database: value too long"),
        ({"content_hash": None}, "Database: null value in column"),
        ({"account_id": "999999999999"}, "account 999999999999 is not in the inventory"),
    ],
)
def test_what_the_tables_do_not_take_is_held_and_the_rest_goes_on(catalog, changes, words):
    good = [record() for _ in range(6)]
    bad = replace(good.pop(3), **changes)
    tally = pages(catalog, [*good[:3], bad, *good[3:]])
    assert (tally.counts["new"], tally.counts["quarantined"]) == (5, 1)
    assert words in QuarantinedFinding.objects.get().reason
    assert Finding.objects.count() == 5


def test_a_control_with_a_strange_title_stops_nothing(catalog):
    strange = record(control_id="S3.77", remediation_url="https://a\0b", title="x" * 400)
    take([strange, record()], catalog)
    assert Finding.objects.count() == 2
    assert Control.objects.get(control_id="S3.77").remediation_url == "https://ab"


def test_a_payload_with_what_json_may_have_and_postgres_may_not_is_stored(catalog):
    take([record(payload={"a": "nul\0", "b": "half \ud800", "c": float("nan")})], catalog)
    assert Finding.objects.get().payload.payload == {"a": "nul", "b": "half ?", "c": None}


def asff(account_id="200000000001", **changes):
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws:securityhub:eu-west-1:1:security-control/S3.8/finding/held",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "GeneratorId": "security-control/S3.8",
        "AwsAccountId": account_id,
        "CreatedAt": "2026-11-01T00:00:00Z",
        "UpdatedAt": "2026-11-19T00:00:00Z",
        "Title": "S3 buckets should block public access",
        "Description": "",
        "Severity": {"Label": "HIGH"},
        "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.8"},
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::held"}],
    } | changes


def hold(payload, *, source="FILE", reason="Something.", shape="asff"):
    held = Rejected(str(payload.get("Id", "")), reason, payload, shape=shape)
    ingest.quarantine(factories.organization(), [held], source=source, as_of=NOW)


def test_what_was_held_is_taken_in_once_it_can_be(catalog):
    hold(asff("300000000009"))
    first = ingest.retry_quarantine(factories.organization(), as_of=NOW)
    assert (first["tried"], first["taken_in"], first["kept"]) == (1, 0, 1)
    held = QuarantinedFinding.objects.get()
    assert "account 300000000009 is not in the inventory" in held.reason
    assert held.retries == 1
    factories.account(account_id="300000000009")
    second = ingest.retry_quarantine(factories.organization(), as_of=NOW)
    assert (second["taken_in"], second["new"], second["opened"], second["kept"]) == (1, 1, 1, 0)
    assert not QuarantinedFinding.objects.exists()
    assert Finding.objects.get().feed == "FILE"


def test_what_still_cannot_be_read_stays_with_todays_reason(catalog):
    hold(asff(UpdatedAt="soon", CreatedAt=""), source="QUEUE")
    hold({"Id": "no finding"}, shape="text")
    hold(asff(Id="good"), source="QUEUE")
    counts = ingest.retry_quarantine(factories.organization(), as_of=NOW)
    assert (counts["tried"], counts["taken_in"], counts["kept"]) == (3, 1, 2)
    reasons = QuarantinedFinding.objects.order_by("source").values_list("reason", flat=True)
    assert "has the fields of no format" in reasons[0]
    assert "'soon' is no time" in reasons[1]
    assert Finding.objects.get().feed == "SECURITY_HUB"


def test_an_analyzer_finding_of_a_stranger_is_read_again_as_what_it_is(catalog):
    listed = {
        "id": "f-1",
        "findingType": "UnusedIAMRole",
        "resource": "arn:aws:iam::300000000009:role/old",
        "resourceType": "AWS::IAM::Role",
        "resourceOwnerAccount": "300000000009",
        "status": "ACTIVE",
        "createdAt": "2026-11-01T00:00:00Z",
        "analyzedAt": "2026-11-19T00:00:00Z",
        "updatedAt": "2026-11-02T00:00:00Z",
    }
    arn = "arn:aws:access-analyzer:eu-west-1:100000000002:analyzer/unused"
    one = reader.read(listed, context={"analyzer_arn": arn, "region": "eu-west-1"})
    pages(catalog, [one], feed=Feed.ACCESS_ANALYZER, source="ACCESS_ANALYZER")
    held = QuarantinedFinding.objects.get()
    assert held.shape == "access_analyzer"
    assert held.context["analyzer_arn"] == arn
    factories.account(account_id="300000000009")
    ingest.retry_quarantine(factories.organization(), as_of=NOW)
    found = Finding.objects.get()
    assert (found.product_arn, found.feed, found.region) == (arn, "ACCESS_ANALYZER", "eu-west-1")


def test_what_comes_again_is_held_once_with_the_newest_payload(catalog):
    hold(asff(UpdatedAt="soon"), reason="First.")
    ingest.quarantine(
        factories.organization(),
        [Rejected(asff()["Id"], "Second.", {"Id": "newest"})],
        source="FILE",
        as_of=NOW + DAY,
    )
    held = QuarantinedFinding.objects.get()
    assert (held.reason, held.payload, held.first_seen_at, held.last_seen_at) == (
        "Second.",
        {"Id": "newest"},
        NOW,
        NOW + DAY,
    )


def test_what_has_been_taken_in_is_no_longer_held(catalog):
    hold(asff(UpdatedAt="soon"))
    pages(catalog, [record(finding_id=asff()["Id"])])
    assert not QuarantinedFinding.objects.exists()
