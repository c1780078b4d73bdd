"""The edit of policies as it was approved, which the database keeps as it keeps the rest of a record."""

import django.db.models.deletion
from django.db import migrations, models

FORWARDS = """
CREATE TRIGGER invariants_exceptionpolicyedit_kept
    BEFORE UPDATE OR DELETE ON invariants_exceptionpolicyedit
    FOR EACH ROW EXECUTE FUNCTION invariants_exception_keep_record();
CREATE TRIGGER invariants_exceptionpolicyedit_not_emptied
    BEFORE TRUNCATE ON invariants_exceptionpolicyedit
    FOR EACH STATEMENT EXECUTE FUNCTION invariants_exception_keep_table();
"""
BACKWARDS = """
DROP TRIGGER invariants_exceptionpolicyedit_kept ON invariants_exceptionpolicyedit;
DROP TRIGGER invariants_exceptionpolicyedit_not_emptied ON invariants_exceptionpolicyedit;
"""


class Migration(migrations.Migration):
    dependencies = [("invariants", "0011_exceptions_closed")]

    operations = [
        migrations.CreateModel(
            name="ExceptionPolicyEdit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("round", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                ("content", models.JSONField(default=dict)),
                ("why", models.TextField(blank=True)),
                ("instead", models.TextField(blank=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy_edits",
                        to="invariants.exceptionrequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=(models.Q(content={}) & ~models.Q(why=""))
                        | (~models.Q(content={}) & models.Q(why="")),
                        name="invariants_exceptionpolicyedit_or_why_not",
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
