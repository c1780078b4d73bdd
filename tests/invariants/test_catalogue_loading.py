"""The catalogue's files into the database: versions, states, what is gone, and what is wrong."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from invariants import catalog
from invariants.catalog import stored
from invariants.ingest import catalogue as loading
from invariants.models import CatalogLoad, Invariant, InvariantMove, InvariantVersion
from invariants.queries import catalogue, register
from invariants.tasks import load_catalogues
from inventory.models import OrganizationalUnit
from posture.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
OWN = """\
id: own-trail
version: 1
statement: {persona: Nobody, action: stops, resource: the trail of the branch}
why: Nobody would see what happens there.
type: SERVICE_CONTROL_POLICY
severity: LOW
area: MONITORING
owner: branch-security
targets: {root: true}
policy:
  Version: "2012-10-17"
  Statement:
    - {Sid: OwnTrail, Effect: Deny, Action: "cloudtrail:StopLogging", Resource: "*"}
exceptions: []
detects: {}
replay: [MANAGEMENT]
must_deny:
  - {name: Anybody stops it, action: "cloudtrail:StopLogging", principal: "{{sample_role}}",
     resource: "arn:aws:cloudtrail:eu-central-1:{{member_account}}:trail/branch"}
must_allow:
  - {name: Anybody reads it, action: "cloudtrail:GetTrail", principal: "{{sample_role}}",
     resource: "arn:aws:cloudtrail:eu-central-1:{{member_account}}:trail/branch"}
loop:
  control: {present: true, reason: The policy.}
  monitor: {present: false, reason: None yet.}
  fix: {present: false, reason: None yet.}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own-trail.yaml").write_text(OWN)
    return tmp_path


def load(*folders: Path, now: datetime = NOW) -> CatalogLoad | None:
    return loading.load_catalogue(factories.root().organization, folders=folders, now=now)


def own() -> Invariant:
    return Invariant.objects.get(key="own-trail")


def test_every_invariant_begins_as_a_draft_with_its_first_version():
    found = load()

    shipped = catalog.load()
    assert found.counts == {
        "invariants": len(shipped),
        "added": len(shipped),
        "changed": 0,
        "gone": 0,
        "returned": 0,
    }
    rows = {row.key: row for row in Invariant.objects.select_related("version")}
    assert set(rows) == {record.id for record in shipped}
    for record in shipped:
        row = rows[record.id]
        assert (row.state, row.state_since, row.version.number) == ("DRAFT", NOW, 1)
        assert row.statement == record.statement.sentence
        assert row.is_mandatory == (record.severity in ("CRITICAL", "HIGH"))
        assert stored.from_data(row.version.content) == record
        assert row.version.reading["probes"]["failing"] == 0
        assert row.version.reading["golden"]["failing"] == 0
    assert not InvariantMove.objects.exists()


def test_what_is_loaded_is_the_catalogue_that_evaluation_works_with(folder):
    load(folder)

    found, read = catalogue.catalogue_of(factories.root().organization), catalog.load(folder)
    assert list(found) == list(read)
    assert found.parameters == read.parameters
    assert found.own_parameters == read.own_parameters
    for key in read.entries:
        assert found.left_as_examples(key) == read.left_as_examples(key)
        assert found.entries[key].version == read.entries[key].version


def test_files_that_are_the_same_are_not_read_again(folder, django_assert_max_num_queries):
    load(folder)
    organization = factories.root().organization
    with django_assert_max_num_queries(2):
        again = loading.load_catalogue(organization, folders=[folder], now=LATER)
    assert again is None
    assert CatalogLoad.objects.count() == 1


def test_a_changed_text_is_a_new_version_and_the_state_stays(folder):
    load(folder)
    Invariant.objects.filter(key="own-trail").update(state="STAGED")
    (folder / "own-trail.yaml").write_text(OWN.replace("severity: LOW", "severity: HIGH"))

    found = load(folder, now=LATER)

    assert (found.counts["added"], found.counts["changed"]) == (0, 1)
    assert (own().state, own().severity, own().is_mandatory) == ("STAGED", "HIGH", True)
    first, second = InvariantVersion.objects.filter(invariant=own()).order_by("number")
    assert (first.number, first.replaced_at) == (1, LATER)
    assert (second.number, second.loaded_at, second.replaced_at) == (2, LATER, None)
    assert own().version == second
    assert first.content["severity"] == "LOW"


def test_white_space_moves_the_line_and_makes_no_version(folder):
    load(folder)
    (folder / "own-trail.yaml").write_text("# The branch's own.\n\n" + OWN)

    assert load(folder, now=LATER).counts["changed"] == 0

    version = own().version
    assert (version.number, version.source["line"]) == (1, 3)


def test_what_disappears_is_gone_and_comes_back_as_it_was(folder, tmp_path):
    load(folder)
    Invariant.objects.filter(key="own-trail").update(state="TESTED")

    assert load(now=LATER).counts["gone"] == 1
    assert own().gone_at == LATER
    assert "own-trail" not in catalogue.keys(factories.root().organization)
    assert "own-trail" not in catalogue.catalogue_of(factories.root().organization).entries

    assert load(folder, now=LATER + timedelta(hours=1)).counts["returned"] == 1
    assert (own().gone_at, own().state, own().version.number) == (None, "TESTED", 1)


@pytest.mark.parametrize(
    ("broken", "line", "words"),
    [
        (OWN.replace("severity: LOW", "severity: SEVERE"), 6, '"SEVERE" is no severity'),
        (OWN.replace("id: own-trail", "id: drift"), 1, "the file is called own-trail.yaml"),
        ("id: [", 2, "no valid YAML"),
        ("", 1, "holds no invariant"),
    ],
)
def test_a_broken_folder_keeps_the_last_good_catalogue_and_says_what_is_wrong(
    folder, broken, line, words
):
    load(folder)
    (folder / "own-trail.yaml").write_text(broken)

    refused = load(folder, now=LATER)

    assert refused.state == "REFUSED"
    problem = next(p for p in refused.problems if words in p["message"])
    assert problem["file"] == str(folder / "own-trail.yaml")
    assert problem["line"] == line
    assert problem["remedy"]
    assert own().gone_at is None
    assert "own-trail" in catalogue.catalogue_of(factories.root().organization).entries
    # It is not read again at every collection, and is as soon as it is mended.
    assert load(folder, now=LATER) is None
    (folder / "own-trail.yaml").write_text(OWN)
    assert load(folder, now=LATER).state == "LOADED"


def test_a_folder_that_is_not_there_is_a_problem(tmp_path):
    refused = load(tmp_path / "none")
    assert [p["message"] for p in refused.problems] == ["The folder holds no *.yaml file"]
    assert not Invariant.objects.exists()


def test_a_file_that_cannot_be_read_is_a_problem(folder):
    (folder / "own-trail.yaml").unlink()
    (folder / "own-trail.yaml").symlink_to(folder / "nowhere.yaml")
    refused = load(folder)
    assert refused.state == "REFUSED"
    assert refused.problems[0]["file"] == str(folder / "own-trail.yaml")
    assert "cannot be read" in refused.problems[0]["message"]


@pytest.mark.parametrize(
    "word", ["adopt", "candidates", "denials", "drift", "export", "matrix", "pack", "what-if"]
)
def test_an_id_may_not_hide_a_page(tmp_path, word):
    (tmp_path / f"{word}.yaml").write_text(OWN.replace("own-trail", word))
    refused = load(tmp_path)
    assert [p["message"] for p in refused.problems] == [f'"{word}" is the address of a page']


def test_a_file_that_withdraws_an_invariant_retires_it_with_its_reason(folder):
    load(folder)
    (folder / "mon-logs.yaml").write_text(
        "overrides: mon-logs\nbecause: The log platform does it.\nretired: The log platform does it.\n"
    )

    load(folder, now=LATER)

    retired = Invariant.objects.get(key="mon-logs")
    assert (retired.state, retired.state_since) == ("RETIRED", LATER)
    move = InvariantMove.objects.get()
    assert (move.invariant, move.before, move.after, move.by) == (
        retired,
        "DRAFT",
        "RETIRED",
        None,
    )
    assert (move.by_name, move.why) == ("the catalogue", "The log platform does it.")
    assert move.version == retired.version
    assert move.version.number == 2
    # Read once more, it is not moved once more.
    (folder / "own-trail.yaml").write_text(OWN + "\n# Again.\n")
    load(folder, now=LATER)
    assert InvariantMove.objects.count() == 1


def test_an_invariant_that_denies_what_others_need_is_noticed(tmp_path):
    prod = factories.ou(name="Prod")
    OrganizationalUnit.objects.filter(pk=prod.pk).update(role="WORKLOADS", label="Workloads / Prod")
    greedy = OWN.replace('"cloudtrail:StopLogging", Resource', '"kms:*", Resource').replace(
        "{root: true}", "{ous: [Workloads/Prod]}"
    )
    (tmp_path / "own-trail.yaml").write_text(greedy)
    load(tmp_path)

    golden = own().version.reading["golden"]
    assert golden["failing"] > 0
    assert any(probe["name"].startswith("kms-delete: ") for probe in golden["failed"])


def test_parameters_that_nobody_has_set_are_told(folder):
    load(folder)
    examples = Invariant.objects.get(key="kms-delete").version.source["examples"]
    assert examples == ["key_roles"]
    (folder / "parameters.yaml").write_text("key_roles: [arn:aws:iam::*:role/halden/Keys]\n")
    load(folder, now=LATER)
    assert Invariant.objects.get(key="kms-delete").version.source["examples"] == []


def test_a_collection_loads_what_the_setting_names(folder, settings):
    factories.root()
    settings.POSTURE_CATALOG_FOLDERS = [str(folder)]
    assert load_catalogues(now=NOW) == 1
    assert own().state_since == NOW
    assert load_catalogues(now=LATER) == 0


def test_a_fault_in_loading_is_logged_and_stops_nothing(monkeypatch, caplog):
    factories.root()
    monkeypatch.setattr(loading, "load_catalogue", lambda *a, **k: 1 / 0)
    assert load_catalogues(now=NOW) == 0
    assert "the one before holds on" in caplog.text


def test_the_command_says_what_it_did_and_what_is_wrong(folder, settings):
    factories.root()
    settings.POSTURE_CATALOG_FOLDERS = [str(folder)]
    out = StringIO()
    call_command("load_catalog", "--check", stdout=out)
    assert "invariants, 0 to mend" in out.getvalue()
    assert not Invariant.objects.exists()

    call_command("load_catalog", stdout=out)
    call_command("load_catalog", stdout=out)
    assert "added" in out.getvalue()
    assert "nothing is new" in out.getvalue()

    (folder / "own-trail.yaml").write_text(OWN.replace("LOW", "SEVERE"))
    for arguments in (["--check"], []):
        with pytest.raises(CommandError, match=r"own-trail\.yaml:6: "):
            call_command("load_catalog", *arguments, stdout=out)


def test_what_is_wrong_is_told_to_who_sees_everything_and_nobody_else(folder):
    load(folder)
    (folder / "own-trail.yaml").write_text("id: [")
    load(folder, now=LATER)

    (told,) = register.loadings(factories.security_engineer())
    assert (told.at, told.loaded_at, told.is_refused) == (LATER, NOW, True)
    assert told.problems[0].file == str(folder / "own-trail.yaml")
    member = factories.team_member(team=factories.team())
    assert register.loadings(member) == ()
    assert register.problems(member) == ()
    assert not InvariantVersion.objects.visible_to(member).exists()
    assert Invariant.objects.visible_to(member).count() == Invariant.objects.count()
    assert not Invariant.objects.visible_to(factories.stranger()).exists()


def test_moves_are_recorded_for_good():
    load()
    invariant = Invariant.objects.get(key="mon-logs")
    person = factories.security_engineer()
    move = InvariantMove.objects.create(
        invariant=invariant,
        version=invariant.version,
        before="DRAFT",
        after="TESTED",
        at=NOW,
        by=person,
        by_name="Sam",
        why="Read and tried.",
    )
    with connection.cursor() as cursor:
        # As if it were committed.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for change in (
        lambda: InvariantMove.objects.update(why="Another reason"),
        lambda: InvariantMove.objects.update(by=factories.stranger()),
        lambda: InvariantMove.objects.all().delete(),
        lambda: connection.cursor().execute("TRUNCATE invariants_invariantmove"),
    ):
        with pytest.raises(IntegrityError, match="for good"), transaction.atomic():
            change()
    person.delete()
    move.refresh_from_db()
    assert (move.by, move.by_name) == (None, "Sam")


@pytest.mark.parametrize("name", ["invariants:list", "posture:sync"])
def test_mistakes_stand_on_the_pages_where_people_look(client, folder, name):
    load(folder)
    (folder / "own-trail.yaml").write_text(OWN.replace("LOW", "SEVERE"))
    load(folder, now=LATER)
    words = "&quot;SEVERE&quot; is no severity"

    client.force_login(factories.security_engineer())
    page = client.get(reverse(name)).content.decode()
    assert words in page
    assert "own-trail.yaml:6" in page

    client.force_login(factories.ou_reader(ou=factories.ou()))
    assert words not in client.get(reverse(name)).content.decode()


def test_readings_are_in_the_audit_log(folder):
    load(folder)
    (folder / "own-trail.yaml").write_text("id: [")
    load(folder, now=LATER)
    first, second = AuditEntry.objects.filter(event="catalogue_read").order_by("pk")
    assert first.changes["state"] == [None, "LOADED"]
    assert second.changes["state"] == [None, "REFUSED"]
    assert second.subject == factories.root().organization.org_id


def test_a_request_that_does_not_say_enough_is_open_and_not_denied(tmp_path):
    prod = factories.ou(name="Prod")
    OrganizationalUnit.objects.filter(pk=prod.pk).update(role="WORKLOADS", label="Workloads / Prod")
    reads_more = OWN.replace(
        'Action: "cloudtrail:StopLogging", Resource: "*"}',
        'Action: "ec2:RunInstances", Resource: "arn:aws:ec2:*:*:instance/*",\n'
        "       Condition: {StringNotEquals: {ec2:MetadataHttpTokens: required}}}",
    ).replace("{root: true}", "{ous: [Workloads/Prod]}")
    (tmp_path / "own-trail.yaml").write_text(reads_more)
    assert load(tmp_path).problems == []

    golden = own().version.reading["golden"]
    assert golden["failing"] == golden["open"] > 0
    assert "Missing: ec2:MetadataHttpTokens" in golden["failed"][0]["why"]
