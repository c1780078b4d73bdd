"""Watched tables write what changes in them, by whom and from where."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory

from findings.models import KnownVulnerability
from inventory.models import OuAccess, TeamMembership
from posture import logs
from posture.actions import audit
from posture.actions.audit import configuration, statements
from posture.models import AuditEntry, Recipient
from posture.policies.audit import NOT_WATCHED, WATCHED
from tests import factories
from tests.fixtures.audit import behind_the_back, entries, seal

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def newest(**filters):
    return AuditEntry.objects.filter(**filters).latest("pk")


def test_every_table_is_watched_or_says_why_not():
    tables = {
        m._meta.db_table for m in apps.get_models(include_auto_created=True) if m._meta.managed
    }
    assert set(WATCHED) | set(NOT_WATCHED) == tables
    assert not set(WATCHED) & set(NOT_WATCHED)


def test_what_is_said_to_be_watched_has_its_trigger():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = tgrelid::regclass || '_audited'"
        )
        triggers = {name for (name,) in cursor.fetchall()}
    assert triggers == set(WATCHED)


def test_a_change_is_written_with_who_did_it_from_where_and_what_was_before():
    organization = factories.organization()
    request = RequestFactory().post("/")
    request.user = factories.person(role="Administrator", username="ada")
    origin = logs.Origin(request=request, request_id="r" * 20, address="192.0.2.7")
    with logs.begin(origin):
        row = Recipient.objects.create(
            organization=organization, email="cio@example.org", name="Ingrid", added_by="ada"
        )
        Recipient.objects.filter(pk=row.pk).update(gets_pdf=True)
        Recipient.objects.filter(pk=row.pk).delete()
    added, changed, removed = entries(event__startswith="recipient_")
    assert [e.event for e in (added, changed, removed)] == [
        "recipient_added",
        "recipient_changed",
        "recipient_removed",
    ]
    assert changed.changes == {"gets_pdf": [False, True]}
    assert added.changes["email"] == [None, "cio@example.org"]
    assert removed.changes["name"] == ["Ingrid", None]
    for entry in (added, changed, removed):
        assert (entry.who_kind, entry.who_name) == ("PERSON", "ada")
        assert entry.who_id == str(request.user.pk)
        assert (entry.address, entry.request_id) == ("192.0.2.7", "r" * 20)
        assert entry.subject == "cio@example.org"
        assert entry.details == {"table": "posture_recipient", "id": row.pk}


def test_an_update_that_changes_nothing_writes_nothing():
    row = Recipient.objects.create(
        organization=factories.organization(), email="cio@example.org", added_by="ada"
    )
    before = AuditEntry.objects.count()
    row.save()
    assert AuditEntry.objects.count() == before


def test_roles_teams_and_ous_of_people_are_told_by_their_names():
    team, ou = factories.team(), factories.ou()
    person = factories.person(role="Auditor", username="erik")
    TeamMembership.objects.create(team=team, user=person)
    OuAccess.objects.create(ou=ou, user=person)
    assert newest(event="role_given").changes == {"role": [None, "Auditor"]}
    assert newest(event="team_joined").changes == {"team": [None, team.slug]}
    assert newest(event="ou_granted").changes["ou"][1]
    person.groups.clear()
    assert newest(event="role_taken").changes == {"role": ["Auditor", None]}
    assert {e.subject for e in entries(event__in=["role_given", "team_joined", "role_taken"])} >= {
        "erik"
    }


def test_a_password_is_told_to_have_changed_but_never_told():
    person = factories.local_person(username="sam")
    person.set_password("quite another password")
    person.save()
    entry = newest(event="user_changed", subject="sam")
    assert set(entry.changes) == {"password"}
    before, after = entry.changes["password"]
    assert before != after
    assert before.startswith("hidden ") and after.startswith("hidden ")
    written = "".join(str(e.changes) + str(e.details) for e in entries())
    assert person.password not in written


def test_signing_in_again_changes_no_person(client):
    person = factories.person(role=(), username="ada")
    before = AuditEntry.objects.count()
    client.force_login(person)
    assert not AuditEntry.objects.filter(event="user_changed").exists()
    assert AuditEntry.objects.count() == before


def test_who_changes_a_table_by_hand_is_known_as_the_role_of_the_database():
    row = Recipient.objects.create(
        organization=factories.organization(), email="cio@example.org", added_by="ada"
    )
    with connection.cursor() as cursor:
        cursor.execute("RESET parapet.origin")
        cursor.execute("SELECT session_user")
        (role,) = cursor.fetchone()
        with connection.connection.cursor() as other:
            other.execute(
                "UPDATE posture_recipient SET email = 'x@example.net' WHERE id = %s", [row.pk]
            )
    entry = newest(event="recipient_changed")
    assert (entry.who_kind, entry.who_name) == ("DATABASE", role)


def test_who_did_it_is_known_after_a_rollback_to_a_savepoint_as_well():
    organization = factories.organization()

    def add(email):
        Recipient.objects.create(organization=organization, email=email, added_by="ada")

    with logs.begin(logs.Origin(actor=logs.Actor("PERSON", "1", "ada"))):
        add("a@example.org")
    with logs.begin(logs.Origin(actor=logs.Actor("PERSON", "2", "erik"))):
        with pytest.raises(IntegrityError), transaction.atomic():
            add("a@example.org")
        add("b@example.org")
    assert newest(event="recipient_added").who_name == "erik"


def test_a_recorded_event_says_the_same_of_where_it_comes_from():
    person = factories.person(role=(), username="ada")
    origin = logs.Origin(request_id="r" * 20, address="2001:db8::1", task_id="t1", task="posture.x")
    with logs.begin(origin):
        audit.record("webhook_replayed", actor=person, subject="siem", details={"n": 3}, now=NOW)
    entry = newest(event="webhook_replayed")
    assert (entry.who_name, entry.address, entry.task, entry.at) == (
        "ada",
        "2001:db8::1",
        "posture.x",
        NOW,
    )
    assert entry.details == {"n": 3}


def test_nobody_and_the_process_itself_are_told_apart(rf):
    audit.record("by_the_process", actor=None, details={}, now=NOW)
    assert newest(event="by_the_process").who_kind == "SYSTEM"
    with logs.begin(logs.Origin(request=rf.get("/"))):
        audit.record("by_nobody", actor=None, details={}, now=NOW)
    assert newest(event="by_nobody").who_kind == "NOBODY"


def test_an_entry_can_be_neither_changed_nor_deleted_nor_emptied():
    audit.record("kept", actor=None, details={}, now=NOW)
    seal()
    entry = newest(event="kept")
    for sql in (
        "UPDATE posture_auditentry SET subject = 'x' WHERE id = %s",
        "UPDATE posture_auditentry SET hash = repeat('0', 64) WHERE id = %s",
        "DELETE FROM posture_auditentry WHERE id = %s",
    ):
        with (
            pytest.raises(IntegrityError, match="only added to"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, [entry.pk])
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE posture_auditentry ENABLE TRIGGER posture_auditentry_not_emptied"
        )
        with pytest.raises(IntegrityError, match="cannot be emptied"), transaction.atomic():
            cursor.execute("TRUNCATE posture_auditentry")


def test_nobody_writes_a_sealed_entry_but_the_database():
    AuditEntry.objects.create(
        at=NOW, event="forged", who_kind="SYSTEM", seq=1, previous_hash="0" * 64, hash="f" * 64
    )
    entry = newest(event="forged")
    assert (entry.seq, entry.hash) == (None, "")
    seal()
    entry.refresh_from_db()
    assert entry.seq is not None and entry.hash != "f" * 64


def test_an_anchor_needs_an_entry_that_is_there():
    audit.record("kept", actor=None, details={}, now=NOW)
    seal()
    with (
        pytest.raises(IntegrityError, match="an entry that is there"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO posture_auditcut (seq, hash, entries, file_hash, cut_at)"
            " VALUES (1, repeat('0', 64), 1, repeat('0', 64), now())"
        )


@pytest.mark.parametrize(
    ("sql", "is_watched"),
    [
        ('INSERT INTO "auth_user" ("username") VALUES (%s)', True),
        ('\n UPDATE "posture_recipient" SET x = 1', True),
        ("DELETE FROM inventory_ouaccess WHERE id = 1", True),
        ("WITH gone AS (DELETE FROM posture_erratum RETURNING 1) SELECT 1", True),
        ('SELECT * FROM "auth_user" FOR UPDATE', False),
        ('INSERT INTO "findings_finding" SELECT * FROM auth_user', False),
        ('UPDATE "auth_user_extra" SET x = 1', False),
    ],
)
def test_only_statements_that_change_watched_tables_are_told_of(sql, is_watched):
    assert statements.changes_watched(sql) is is_watched


def test_the_catalogue_of_vulnerabilities_is_one_entry_for_all_its_rows():
    rows = [KnownVulnerability(cve=f"CVE-2026-{n}", updated_at=NOW) for n in range(300)]
    KnownVulnerability.objects.bulk_create(rows)
    (entry,) = entries(event="known_vulnerabilities_added")
    assert entry.details == {"table": "findings_knownvulnerability", "rows": 300}


def test_behind_the_back_nothing_is_written():
    """What the test of the chain relies on: with the triggers off, the database does as it is told."""
    audit.record("kept", actor=None, details={}, now=NOW)
    seal()
    with behind_the_back() as cursor:
        cursor.execute("UPDATE posture_auditentry SET subject = 'x' WHERE event = 'kept'")
    assert newest(event="kept").subject == "x"


def test_settings_that_are_others_than_before_are_written_down(settings, tmp_path):
    settings.POSTURE_KEEP_CLOSED_DAYS = 400
    assert configuration.note_changes(now=NOW)
    assert not configuration.note_changes(now=NOW)
    rules = tmp_path / "clocks.yaml"
    rules.write_text("a: 1")
    settings.POSTURE_KEEP_CLOSED_DAYS, settings.POSTURE_CLOCKS_FILE = 30, str(rules)
    settings.POSTURE_EXTERNAL_ID = "an external id that nobody is told"
    assert configuration.note_changes(now=NOW)
    changed = newest(event="settings_changed").details["changed"]
    assert changed["POSTURE_KEEP_CLOSED_DAYS"] == ["400", "30"]
    assert changed["POSTURE_EXTERNAL_ID"] == ["", "set"]
    assert changed["POSTURE_CLOCKS_FILE, its contents"][1].startswith("SHA-256 ")
    rules.write_text("a: 2")
    assert configuration.note_changes(now=NOW)
    assert list(newest(event="settings_changed").details["changed"]) == [
        "POSTURE_CLOCKS_FILE, its contents"
    ]
    written = "".join(str(e.details) for e in entries(event="settings_changed"))
    assert "nobody is told" not in written and settings.SECRET_KEY not in written
