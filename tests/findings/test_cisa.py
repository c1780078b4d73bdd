"""CISA's files: what is read of them, and what is refused."""

import gzip
import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from findings import ingest, tasks
from findings.models import DirtyCell, Finding, KnownVulnerability
from findings.normalise.records import Vulnerability
from findings.sources import cisa
from tests import factories
from tests.findings.records import NOW, record

DAY = timedelta(days=1)


def kev(*cves, **changes):
    rows = [{"cveID": cve, "dateAdded": "2026-10-01", "vendorProject": "Acme"} for cve in cves]
    return {"catalogVersion": "2026.11.01", "count": len(rows), "vulnerabilities": rows} | changes


def vulnrichment(cve, *decisions):
    """A CVE record with CISA's container; each decision is (timestamp, automatable, impact)."""
    metrics = [
        {
            "other": {
                "type": "ssvc",
                "content": {
                    "id": cve,
                    "timestamp": timestamp,
                    "options": [
                        {"Exploitation": "none"},
                        {"Automatable": automatable},
                        {"Technical Impact": impact},
                    ],
                },
            }
        }
        for timestamp, automatable, impact in decisions
    ]
    return {
        "dataType": "CVE_RECORD",
        "cveMetadata": {"cveId": cve, "state": "PUBLISHED"},
        "containers": {"cna": {}, "adp": [{"title": "CISA ADP Vulnrichment", "metrics": metrics}]},
    }


def test_the_catalogue_is_read_by_id():
    found = cisa.parse_kev(kev("CVE-2026-2", "CVE-2026-1"))
    assert found[0] == cisa.Exploited("CVE-2026-1", date(2026, 10, 1))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([], "not CISA's KEV catalogue"),
        ({"vulnerabilities": []}, "not CISA's KEV catalogue"),
        (kev("CVE-2026-1", count=1600), "says it has 1600 vulnerabilities, but 1 are in the file"),
        (kev("GHSA-1"), "Vulnerability 1 of the catalogue has cveID 'GHSA-1'"),
        ({"vulnerabilities": ["CVE-2026-1"]}, "Vulnerability 1 of the catalogue has cveID None"),
    ],
)
def test_a_file_that_is_not_the_whole_catalogue_is_refused(raw, words):
    with pytest.raises(cisa.WrongFile, match=words):
        cisa.parse_kev(raw)


def test_the_newest_decision_on_a_cve_counts():
    raw = vulnrichment(
        "CVE-2026-1",
        ("2026-11-02T00:00:00Z", "yes", "total"),
        ("2026-11-01T00:00:00Z", "no", "partial"),
    )
    assert cisa.parse_vulnrichment(raw) == cisa.Decision("CVE-2026-1", True, True)


def test_what_cisa_does_not_say_is_unknown():
    assert cisa.parse_vulnrichment(vulnrichment("CVE-2026-1")) is None
    vague = vulnrichment("CVE-2026-1", ("2026-11-02T00:00:00Z", "perhaps", "some"))
    assert cisa.parse_vulnrichment(vague) == cisa.Decision("CVE-2026-1", None, None)


@pytest.mark.parametrize("raw", [None, {}, {"cveMetadata": {"cveId": 7}}, kev("CVE-2026-1")])
def test_what_is_no_cve_record_is_refused(raw):
    with pytest.raises(cisa.WrongFile, match="no CVE record"):
        cisa.parse_vulnrichment(raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "It is not JSON"), (gzip.compress(b"{}" * 999)[:20], "It cannot be read")],
    ids=["plain", "gzip"],
)
def test_half_a_file_is_refused(tmp_path, content, words):
    path = tmp_path / "half.json"
    path.write_bytes(content)
    with pytest.raises(cisa.WrongFile, match=words):
        cisa.load(path)


@pytest.fixture
def vulnerable(db):
    """Three open findings: of CVE-2026-1, public; of CVE-2026-2; of none."""
    factories.account(account_id="200000000001")
    catalog = ingest.load_catalog(factories.organization())
    named = [
        record(is_public=True, vulnerabilities=(Vulnerability("CVE-2026-1", has_fix=True),)),
        record(vulnerabilities=(Vulnerability("CVE-2026-2"), Vulnerability("CVE-2026-3"))),
        record(),
    ]
    ingest.upsert_findings(named, catalog=catalog, as_of=NOW)
    DirtyCell.objects.all().delete()
    return [Finding.objects.get(finding_id=one.finding_id) for one in named]


@pytest.fixture
def catalogue(vulnerable):
    """A KEV catalogue that names none of them."""
    KnownVulnerability.objects.create(cve="CVE-1999-1", is_exploited=True, updated_at=NOW)
    ingest.reclock_vulnerable()


def rules(found):
    for one in found:
        one.refresh_from_db()
    return [(one.sla_rule, one.due_at and (one.due_at - one.opened_at).days) for one in found]


def run(*words):
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def test_the_catalogue_gives_the_findings_that_name_its_cves_new_due_dates(vulnerable, tmp_path):
    # Without a catalogue nobody knows that they are not exploited: they go by their severity.
    assert rules(vulnerable) == [("public:HIGH", 14), ("severity:HIGH", 30), ("severity:HIGH", 30)]
    path = tmp_path / "kev.json"
    path.write_text(json.dumps(kev("CVE-1999-1")))
    assert "1 new or changed; 1 open findings have another due date" in run("import_kev", path)
    assert rules(vulnerable) == [("bod:14", 14), ("bod:next-upgrade", None), ("severity:HIGH", 30)]
    path = tmp_path / "kev.json.gz"
    path.write_bytes(
        gzip.compress(json.dumps(kev("CVE-1999-1", "CVE-2026-1", "CVE-2026-3")).encode())
    )
    assert "2 new or changed; 2 open findings have another due date" in run("import_kev", path)
    assert rules(vulnerable) == [("bod:3-triage", 3), ("bod:14", 14), ("severity:HIGH", 30)]
    assert DirtyCell.objects.exists()

    DirtyCell.objects.all().delete()
    assert "0 new or changed; 0 open findings" in run("import_kev", path)
    assert not DirtyCell.objects.exists()

    path.write_text(json.dumps(kev("CVE-1999-1", "CVE-2026-3")))
    run("import_kev", path)
    assert rules(vulnerable)[0] == ("bod:14", 14)
    assert not KnownVulnerability.objects.get(cve="CVE-2026-1").is_exploited


def test_vulnrichment_is_imported_from_files_and_folders(vulnerable, catalogue, tmp_path):
    folder = tmp_path / "2026" / "1xxx"
    folder.mkdir(parents=True)
    at = "2026-11-02T00:00:00Z"
    one, two = (vulnrichment(f"CVE-2026-{n}", (at, "yes", "partial")) for n in (1, 2))
    (folder / "CVE-2026-1.json").write_text(json.dumps(one))
    (tmp_path / "two.json").write_text(json.dumps(two))
    said = run("import_vulnrichment", tmp_path / "2026", tmp_path / "two.json")
    assert "2 files read: 2 with a decision of CISA, 2 new or changed; 1 open finding" in said
    assert rules(vulnerable) == [("bod:14", 14), ("bod:60", 60), ("severity:HIGH", 30)]


def test_files_that_are_wrong_are_named_and_the_others_are_in(vulnerable, tmp_path):
    good = vulnrichment("CVE-2026-2", ("2026-11-02T00:00:00Z", "yes", "total"))
    (tmp_path / "CVE-2026-2.json").write_text(json.dumps(good))
    (tmp_path / "CVE-2026-9.json").write_text("{}")
    with pytest.raises(CommandError, match=r"1 files were refused[^\n]*\n.*CVE-2026-9.json: This"):
        run("import_vulnrichment", tmp_path)
    assert KnownVulnerability.objects.get().cve == "CVE-2026-2"


@pytest.mark.parametrize("command", ["import_kev", "import_vulnrichment"])
def test_a_file_that_is_not_there_is_refused(db, tmp_path, command):
    with pytest.raises(CommandError, match=r"none.json: .*Name a"):
        run(command, tmp_path / "none.json")


def test_findings_of_another_version_of_the_rules_get_their_dates_anew(
    vulnerable, catalogue, tmp_path, settings
):
    own = tmp_path / "clocks.yaml"
    text = (settings.BASE_DIR / "findings" / "data" / "clocks.yaml").read_text(encoding="utf-8")
    own.write_text(text.replace("version: 1", "version: 2").replace("HIGH: 30", "HIGH: 10"))
    settings.POSTURE_CLOCKS_FILE = str(own)
    assert "1 open findings have another due date" in run("reclock_findings")
    assert rules(vulnerable)[2] == ("severity:HIGH", 10)
    assert set(Finding.objects.values_list("sla_version", flat=True)) == {2}
    assert tasks.reclock() == 0


def test_a_wrong_file_of_rules_stops_the_command(db, tmp_path, settings):
    settings.POSTURE_CLOCKS_FILE = str(tmp_path / "none.yaml")
    with pytest.raises(CommandError, match="Set POSTURE_CLOCKS_FILE to a readable file"):
        run("reclock_findings", "--all")
