from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("invariants", "0006_policy_days"),
    ]

    operations = [
        migrations.AlterField(
            model_name="drift",
            name="kind",
            field=models.CharField(
                choices=[
                    ("CONTENT", "Policy text"),
                    ("ATTACHMENT", "Attachment"),
                    ("MISSING_IN_AWS", "Missing in AWS"),
                    ("UNMANAGED", "Unmanaged policy"),
                    ("TYPE_DISABLED", "Policy type disabled"),
                    ("EFFECTIVE_VALUE", "Value in force"),
                ],
                max_length=16,
            ),
        ),
    ]
