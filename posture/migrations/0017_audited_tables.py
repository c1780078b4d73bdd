"""Changes of meaning write an entry of the audit log by themselves; what machines write by the million
does not."""

from django.db import migrations

_USERNAME = "(SELECT username FROM auth_user WHERE id = ($1).user_id)"
_WEEK = (
    "(SELECT format('%s-W%s', iso_year, lpad(iso_week::text, 2, '0'))"
    " FROM posture_weeklyreview WHERE id = ($1).review_id)"
)
_ROLE = "jsonb_build_object('role', (SELECT name FROM auth_group WHERE id = ($1).{}))"
_RIGHT = (
    "jsonb_build_object('right', (SELECT app_label || '.' || codename FROM auth_permission"
    " JOIN django_content_type ON django_content_type.id = content_type_id"
    " WHERE auth_permission.id = ($1).permission_id))"
)
_TEAM = "jsonb_build_object('team', (SELECT slug FROM inventory_team WHERE id = ($1).team_id))"
_ACCOUNT = (
    "jsonb_build_object('account',"
    " (SELECT account_id FROM inventory_account WHERE id = ($1).account_id))"
)
_OU = "(SELECT coalesce(nullif(label, ''), name) FROM inventory_organizationalunit WHERE id = ($1).ou_id)"
_USER = "jsonb_build_object({}, (SELECT username FROM auth_user WHERE id = ($1).{}))"
_ORGANIZATION = "(SELECT org_id FROM inventory_organization WHERE id = ($1).organization_id)"

# Table: events of an insert, update and delete, the subject, and what is shown (0015).
WATCHED = {
    "auth_user": (
        ("user_added", "user_changed", "user_removed"),
        "($1).username",
        {"skip": ("last_login",), "hide": ("password",)},
    ),
    "auth_group": (("role_added", "role_changed", "role_removed"), "($1).name", {}),
    "auth_user_groups": (
        ("role_given", "role_given", "role_taken"),
        _USERNAME,
        {"only": (), "extra": _ROLE.format("group_id")},
    ),
    "auth_user_user_permissions": (
        ("right_given", "right_given", "right_taken"),
        _USERNAME,
        {"only": (), "extra": _RIGHT},
    ),
    "auth_group_permissions": (
        ("role_right_added", "role_right_added", "role_right_removed"),
        "(SELECT name FROM auth_group WHERE id = ($1).group_id)",
        {"only": (), "extra": _RIGHT},
    ),
    "posture_profile": (
        ("profile_added", "profile_changed", "profile_removed"),
        _USERNAME,
        {"skip": ("user_id",)},
    ),
    "posture_apitoken": (
        ("token_created", "token_changed", "token_removed"),
        f"format('%s of %s', ($1).name, {_USERNAME})",
        {
            "only": ("name", "rights", "expiry", "revoked_at", "revoked_by"),
            "extra": _USER.format("'created_by'", "created_by_id"),
        },
    ),
    "posture_providedrole": (
        ("role_provided", "role_provided", "role_not_provided"),
        _USERNAME,
        {"only": ("by",), "extra": _ROLE.format("role_id")},
    ),
    "posture_providedteam": (
        ("team_provided", "team_provided", "team_not_provided"),
        _USERNAME,
        {"only": ("by",), "extra": _TEAM},
    ),
    "inventory_team": (("team_added", "team_changed", "team_removed"), "($1).slug", {}),
    "inventory_teammembership": (
        ("team_joined", "team_joined", "team_left"),
        _USERNAME,
        {"only": (), "extra": _TEAM},
    ),
    "inventory_ouaccess": (
        ("ou_granted", "ou_granted", "ou_withdrawn"),
        _USERNAME,
        {"only": (), "extra": f"jsonb_build_object('ou', {_OU})"},
    ),
    "mfa_authenticator": (
        ("authenticator_added", "", "authenticator_removed"),
        _USERNAME,
        {"only": ("type",)},
    ),
    "socialaccount_socialaccount": (
        ("identity_linked", "identity_changed", "identity_unlinked"),
        _USERNAME,
        {"only": ("provider", "uid")},
    ),
    "socialaccount_socialapp": (
        ("provider_added", "provider_changed", "provider_removed"),
        "coalesce(nullif(($1).name, ''), ($1).provider)",
        {"hide": ("secret", "key", "settings")},
    ),
    "account_emailaddress": (
        ("address_added", "address_changed", "address_removed"),
        _USERNAME,
        {"only": ("email", "verified", "primary")},
    ),
    "posture_recipient": (
        ("recipient_added", "recipient_changed", "recipient_removed"),
        "($1).email",
        {"skip": ("organization_id", "added_at")},
    ),
    "posture_reviewschedule": (
        ("review_schedule_added", "review_schedule_changed", "review_schedule_removed"),
        _ORGANIZATION,
        {"skip": ("organization_id",)},
    ),
    "posture_weeklyreview": (
        ("review_frozen", "review_changed", "review_removed"),
        "format('%s-W%s', ($1).iso_year, lpad(($1).iso_week::text, 2, '0'))",
        {
            "only": (
                *("state", "answer", "headline", "narrative"),
                *("published_at", "published_by", "snapshot_hash"),
            )
        },
    ),
    "posture_reviewnote": (
        ("review_note_added", "review_note_changed", "review_note_removed"),
        _WEEK,
        {"only": ("kpi", "cause", "text", "claim", "on_day", "written_by")},
    ),
    "posture_reviewquestion": (
        ("review_question_added", "review_question_changed", "review_question_removed"),
        _WEEK,
        {"only": ("text", "decision_by", "due_on", "decision")},
    ),
    "posture_reviewaction": (
        ("review_action_added", "review_action_changed", "review_action_removed"),
        _WEEK,
        {"skip": ("organization_id", "review_id", "created_at")},
    ),
    "posture_erratum": (
        ("erratum_added", "erratum_changed", "erratum_removed"),
        _WEEK,
        {"only": ("text", "written_by")},
    ),
    "posture_delivery": (
        ("review_mail_requested", "review_mail_changed", "review_mail_removed"),
        f"format('%s to %s', {_WEEK}, ($1).email)",
        {"only": ("email", "with_pdf", "state", "requested_by")},
    ),
    "posture_attestation": (
        ("attestation_added", "attestation_changed", "attestation_removed"),
        "($1).subject",
        {
            "skip": ("organization_id", "account_id", "team_id", "recorded_at"),
            "extra": f"{_ACCOUNT} || {_TEAM}",
        },
    ),
    "posture_report": (("report_requested", "", ""), _OU, {"only": ("day", "format")}),
    "findings_bulkaction": (
        ("bulk_change_requested", "bulk_change_moved", "bulk_change_removed"),
        "format('bulk change %s', ($1).id)",
        {
            "only": ("workflow", "note", "query", "state", "total", "undoes_id"),
            "extra": _USER.format("'requested_by'", "requested_by_id"),
        },
    ),
    "findings_fileimport": (
        ("import_requested", "import_moved", "import_removed"),
        "($1).name",
        {"only": ("size", "shape", "state", "requested_by")},
    ),
    "findings_upkeeprun": (
        ("upkeep_requested", "upkeep_moved", "upkeep_removed"),
        "($1).kind",
        {"only": ("state", "requested_by")},
    ),
    # AWS adds controls, which is no decision of anybody's.
    "findings_control": (
        ("", "control_changed", "control_removed"),
        "($1).control_id",
        {"only": ("area", "severity", "status", "is_scored", "scored_from", "clock_from")},
    ),
    "inventory_organization": (
        ("organization_added", "organization_changed", "organization_removed"),
        "($1).org_id",
        {"only": ("name", "time_zone", "home_region", "management_account_id")},
    ),
    "inventory_organizationalunit": (
        ("", "ou_role_changed", "ou_removed"),
        "coalesce(nullif(($1).label, ''), ($1).name)",
        {"only": ("role",)},
    ),
    "inventory_collection": (
        ("collection_requested", "", ""),
        "CASE WHEN ($1).requested_by <> '' THEN format('collection %s', ($1).id) END",
        {"only": ("is_full", "requested_by")},
    ),
}

# By the thousand at a time: one entry for each statement, with the number of rows.
COUNTED = """
CREATE FUNCTION posture_audit_statement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    origin jsonb := coalesce(nullif(current_setting('parapet.origin', true), ''), '{}');
    rows bigint;
BEGIN
    SELECT count(*) INTO rows FROM touched;
    IF rows > 0 THEN
        INSERT INTO posture_auditentry (
            at, event, who_kind, who_id, who_name, token, address, request_id, task_id, task,
            subject, details, changes, previous_hash, hash)
        VALUES (
            clock_timestamp(), TG_ARGV[0],
            coalesce(origin ->> 'kind', 'DATABASE'), coalesce(origin ->> 'id', ''),
            coalesce(origin ->> 'name', left(session_user, 150)), coalesce(origin ->> 'token', ''),
            coalesce((origin ->> 'address')::inet, inet_client_addr()),
            coalesce(origin ->> 'request_id', ''), coalesce(origin ->> 'task_id', ''),
            coalesce(origin ->> 'task', ''), '',
            jsonb_build_object('table', TG_TABLE_NAME, 'rows', rows), '{}', '', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER findings_knownvulnerability_audited AFTER INSERT ON findings_knownvulnerability
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT
    EXECUTE FUNCTION posture_audit_statement('known_vulnerabilities_added');
CREATE TRIGGER findings_knownvulnerability_audited_change AFTER UPDATE ON findings_knownvulnerability
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT
    EXECUTE FUNCTION posture_audit_statement('known_vulnerabilities_changed');
CREATE TRIGGER findings_knownvulnerability_audited_loss AFTER DELETE ON findings_knownvulnerability
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT
    EXECUTE FUNCTION posture_audit_statement('known_vulnerabilities_removed');
"""
UNCOUNTED = """
DROP TRIGGER findings_knownvulnerability_audited ON findings_knownvulnerability;
DROP TRIGGER findings_knownvulnerability_audited_change ON findings_knownvulnerability;
DROP TRIGGER findings_knownvulnerability_audited_loss ON findings_knownvulnerability;
DROP FUNCTION posture_audit_statement();
"""


def watch(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, (events, subject, shown) in WATCHED.items():
            only = shown.get("only")
            cursor.execute(
                "SELECT posture_audit_watch(%s, %s::text[], %s, %s::text[], %s::text[], %s::text[], %s)",
                [
                    table,
                    list(events),
                    subject,
                    list(shown.get("skip", ())),
                    list(shown.get("hide", ())),
                    None if only is None else list(only),
                    shown.get("extra", "'{}'::jsonb"),
                ],
            )


def unwatch(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table in WATCHED:
            cursor.execute("SELECT posture_audit_unwatch(%s)", [table])


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0016_audit"),
        ("findings", "0016_people"),
        ("inventory", "0003_facts_every"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        migrations.RunPython(watch, unwatch),
        migrations.RunSQL(COUNTED, UNCOUNTED),
    ]
