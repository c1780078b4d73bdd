from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("findings", "0012_flow")]

    operations = [
        migrations.AddIndex(
            model_name="finding",
            index=models.Index(
                condition=models.Q(("is_public", True), ("status", "OPEN")),
                fields=["account", "resource_hash"],
                name="findings_finding_public",
            ),
        ),
    ]
