"""Principals by a tag that they carry: a kind of line of its own, which adds up with those by ARN."""

from django.db import migrations, models

FORWARDS = """
CREATE OR REPLACE FUNCTION invariants_exception_scope_group(kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind IN ('ACCOUNT', 'OU') THEN 'PLACE'
        WHEN kind IN ('RESOURCE', 'TAG', 'PATTERN') THEN 'RESOURCE'
        WHEN kind IN ('PRINCIPAL', 'PRINCIPAL_TAG') THEN 'PRINCIPAL' ELSE kind END
$$;
"""
BACKWARDS = """
CREATE OR REPLACE FUNCTION invariants_exception_scope_group(kind text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind IN ('ACCOUNT', 'OU') THEN 'PLACE'
        WHEN kind IN ('RESOURCE', 'TAG', 'PATTERN') THEN 'RESOURCE' ELSE kind END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("invariants", "0012_exception_policy_edits")]

    operations = [
        migrations.AlterField(
            model_name="exceptionscope",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ACCOUNT", "account"),
                    ("OU", "OU and everything below"),
                    ("REGION", "Region"),
                    ("RESOURCE", "resource"),
                    ("TAG", "tag of a resource"),
                    ("PATTERN", "resources by pattern"),
                    ("PRINCIPAL", "principal"),
                    ("PRINCIPAL_TAG", "principals that carry the tag"),
                    ("ACTION", "action"),
                    ("CONTROL", "control whose findings count"),
                ],
                max_length=13,
            ),
        ),
        migrations.AddConstraint(
            model_name="exceptionscope",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "PRINCIPAL_TAG"), _negated=True),
                    models.Q(
                        (
                            "value__regex",
                            r'^[^=*?$"\\[:cntrl:]]{1,128}=[^*?$"\\[:cntrl:]]{0,255}[^*?$"\\[:cntrl:]]?$',
                        ),
                        models.Q(("value__istartswith", "aws:"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="invariants_exceptionscope_tag",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
