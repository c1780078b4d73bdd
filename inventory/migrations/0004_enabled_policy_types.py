import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0003_facts_every"),
    ]

    operations = [
        migrations.CreateModel(
            name="EnabledPolicyType",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=60)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.organization"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("organization", "type"),
                        name="inventory_enabledpolicytype_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("until", None), ("until__gt", models.F("since")), _connector="OR"
                        ),
                        name="inventory_enabledpolicytype_since_before_until",
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="collectionrun",
            name="source",
            field=models.CharField(
                choices=[
                    ("ORGANIZATIONS", "AWS Organizations"),
                    ("REGIONS", "enabled Regions"),
                    ("CONTROLS", "Security Hub controls"),
                    ("SECURITY_HUB", "Security Hub findings"),
                    ("ACCESS_ANALYZER", "IAM Access Analyzer"),
                    ("ACCOUNT_FACTS", "account settings"),
                    ("SERVICE_COVERAGE", "security service coverage"),
                    ("EFFECTIVE_POLICIES", "effective policies"),
                ],
                max_length=20,
            ),
        ),
    ]
