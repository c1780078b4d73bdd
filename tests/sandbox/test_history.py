import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from sandbox import history, org
from sandbox.history import catalogue, table, world

ANCHOR = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
AREAS = {
    "CULTURE",
    "ACCOUNT_MANAGEMENT",
    "IDENTITY",
    "DATA_PROTECTION",
    "SECURE_DEPLOYMENT",
    "MONITORING",
    "VULNERABILITY",
}


@pytest.fixture(scope="module")
def built():
    return org.build(anchor=ANCHOR)


@pytest.fixture(scope="module")
def today(built):
    return history.snapshot(built, NOW)


def by_key(snapshot):
    return {(finding["Id"], finding["ProductArn"]): finding for finding in snapshot.findings}


def test_the_catalogue_has_real_sizes_in_every_area_and_severity():
    controls = catalogue.all_controls().values()
    assert len(controls) >= 165
    assert Counter(control.area for control in controls).keys() == AREAS
    assert min(Counter(control.area for control in controls).values()) >= 8
    assert {control.severity for control in controls} == {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
    assert all(control.associated for control in controls), (
        "a control outside every subscribed standard has no findings"
    )


def test_a_snapshot_does_not_depend_on_what_was_asked_before(built):
    moments = [NOW + timedelta(days=days) for days in (-200, -3, 0, 250)]
    alone = {
        moment: history.snapshot(org.build(anchor=ANCHOR, seed=7), moment) for moment in moments
    }
    random.Random(1).shuffle(moments)
    world.world_of.cache_clear()
    for moment in moments:
        assert history.snapshot(built, moment) == alone[moment]


def test_a_naive_moment_is_refused(built):
    with pytest.raises(TypeError):
        history.snapshot(built, datetime(2026, 11, 21))  # noqa: DTZ001


def test_the_demo_has_about_seventy_five_findings_an_account(today):
    assert 4100 <= len(today.findings) <= 4900
    assert len(by_key(today)) == len(today.findings)


def test_the_number_of_findings_can_be_chosen():
    for size, findings in ((40, 1600), (60, 9000)):
        shot = history.snapshot(org.build(anchor=ANCHOR, accounts=size, findings=findings), NOW)
        assert abs(len(shot.findings) - findings) <= 0.1 * findings


def test_a_thousand_accounts_are_told_with_all_their_findings():
    shot = history.snapshot(org.build(anchor=ANCHOR, accounts=1000, findings=12_000), NOW)
    assert abs(len(shot.findings) - 12_000) <= 1800
    assert len({finding["AwsAccountId"] for finding in shot.findings}) > 950


def test_findings_of_all_areas_severities_and_products_are_there(today):
    controls = catalogue.all_controls()
    told = [
        finding["Compliance"]["SecurityControlId"]
        for finding in today.findings
        if "securityhub" in finding["ProductArn"].rpartition("/")[2]
    ]
    assert {controls[control_id].area for control_id in told} == AREAS
    assert len(set(told)) >= 150
    assert {finding["Severity"]["Label"] for finding in today.findings} == {
        "CRITICAL",
        "HIGH",
        "MEDIUM",
        "LOW",
        "INFORMATIONAL",
    }
    assert {finding["ProductArn"].rpartition("/")[2] for finding in today.findings} == {
        "securityhub",
        "guardduty",
        "inspector",
        "macie",
        "config",
    }


def test_a_finding_keeps_its_id_when_it_is_fixed_and_when_it_breaks(built):
    seen = defaultdict(set)
    for week in range(-12, 1, 2):
        for key, finding in by_key(history.snapshot(built, NOW + timedelta(weeks=week))).items():
            if finding["RecordState"] == "ACTIVE":
                seen[key].add(finding.get("Compliance", {}).get("Status"))
    assert sum({"PASSED", "FAILED"} <= statuses for statuses in seen.values()) >= 100


def test_times_only_move_on_and_never_into_the_future(built, today):
    later = by_key(history.snapshot(built, NOW + timedelta(days=1)))
    for key, finding in by_key(today).items():
        assert (
            finding["CreatedAt"]
            <= finding["FirstObservedAt"]
            <= finding["UpdatedAt"]
            <= "2026-11-21T09:00:00.999Z"
        )
        if key in later:
            assert later[key]["CreatedAt"] == finding["CreatedAt"]
            assert later[key]["UpdatedAt"] >= finding["UpdatedAt"]
            assert later[key]["FirstObservedAt"] >= finding["FirstObservedAt"]


def test_active_control_findings_were_checked_within_a_day_but_where_checks_stopped(today):
    yesterday = "2026-11-20T09:00:00"
    old = {
        finding["AwsAccountName"]
        for finding in today.findings
        if "security-control" in finding["Id"] and finding["RecordState"] == "ACTIVE" and finding["UpdatedAt"] < yesterday
        and finding["Compliance"]["SecurityControlId"] not in catalogue.DISABLED
    }  # fmt: skip
    stopped = {account.name for account in today.accounts if account.state != "ACTIVE"} | {
        "northwick-erp"
    }
    assert "northwick-erp" in old
    assert old <= stopped


def test_archived_findings_are_kept_for_thirty_days_and_then_gone(built):
    first = by_key(history.snapshot(built, NOW))
    archived = {
        key: finding for key, finding in first.items() if finding["RecordState"] == "ARCHIVED"
    }
    assert len(archived) >= 30
    assert min(finding["UpdatedAt"] for finding in archived.values()) > "2026-10-22T09"
    later = by_key(history.snapshot(built, NOW + timedelta(days=31)))
    assert not archived.keys() & later.keys()


def test_controls_of_delegated_administrators_report_in_the_security_account_only(today):
    owners = {
        finding["AwsAccountId"]
        for finding in today.findings
        if finding.get("Compliance", {}).get("SecurityControlId")
        in {"Inspector.1", "GuardDuty.5", "GuardDuty.13", "Macie.2"}
    }
    assert owners == {today.org.security_account_id}


def test_a_control_appears_and_another_is_disabled_with_a_reason(built):
    before = {
        control.control_id: control
        for control in history.snapshot(built, NOW - timedelta(weeks=12)).controls
    }
    after = {control.control_id: control for control in history.snapshot(built, NOW).controls}
    assert after.keys() - before.keys() == {"SSM.7"}
    off = {
        control_id: control.disabled_reason
        for control_id, control in after.items()
        if control.status == "DISABLED"
    }
    assert off.keys() == {"Lambda.3", "S3.15"}
    assert all(off.values())
    assert all(control.status == "ENABLED" for control in before.values())


def test_exceptions_are_granted_as_suppressed_findings_with_a_note(built, today):
    def suppressed(shot):
        return [
            finding for finding in shot.findings if finding["Workflow"]["Status"] == "SUPPRESSED"
        ]

    assert len(suppressed(today)) >= 15
    assert all(
        finding["Note"]["Text"] and finding["Note"]["UpdatedBy"] for finding in suppressed(today)
    )
    assert len(suppressed(history.snapshot(built, NOW - timedelta(weeks=24)))) < len(
        suppressed(today)
    )


def test_the_story_improves_from_about_62_to_about_79_with_a_setback(built):
    weeks = [
        table.week_of(history.snapshot(built, NOW + timedelta(weeks=week)))
        for week in range(-26, 1, 2)
    ]
    scores = [week.score or 0.0 for week in weeks]
    data = [week.by_ou["data"] or 0.0 for week in weeks]
    payments = [week.by_ou["payments"] or 0.0 for week in weeks]
    assert 60 <= scores[0] <= 65
    assert 74 <= scores[-1] <= 80
    assert max(scores[:9]) - min(scores[9:]) > 1, "the accounts of Northwick lower the score"
    assert data[-1] < data[6] - 5, "Data & Analytics gets worse"
    assert payments[-1] > payments[0] + 5


def test_life_goes_on_after_the_anchor_day(built, today):
    now, later = by_key(today), by_key(history.snapshot(built, NOW + timedelta(days=400)))
    assert now.keys() - later.keys()
    assert later.keys() - now.keys()
    changed = [
        key
        for key in now.keys() & later.keys()
        if now[key].get("Compliance") != later[key].get("Compliance")
    ]
    assert len(changed) > 100


def test_analyzers_stand_in_every_region_and_one_looks_for_unused_access(today):
    kinds = Counter(analyzer.type for analyzer in today.analyzers)
    assert kinds == {
        "ORGANIZATION": 5,
        "ORGANIZATION_INTERNAL_ACCESS": 5,
        "ORGANIZATION_UNUSED_ACCESS": 1,
    }
    arns = {analyzer.arn for analyzer in today.analyzers}
    assert {finding.analyzer_arn for finding in today.analyzer_findings} <= arns
    assert len({finding.finding_id for finding in today.analyzer_findings}) == len(
        today.analyzer_findings
    )


def test_the_table_has_a_line_a_week_and_the_anchor_day(built):
    lines = list(table.text_of(table.weeks_until_anchor(built, 2)))
    assert len(lines) == 4
    assert lines[-1].startswith("2026-11-21")
