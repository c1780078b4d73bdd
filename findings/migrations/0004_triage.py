from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0003_upkeep")]

    operations = [
        migrations.AlterModelOptions(
            name="bulkaction",
            options={"permissions": [("triage", "Can set the workflow of findings in AWS")]},
        ),
    ]
