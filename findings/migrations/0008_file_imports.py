from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0007_listing"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="fileimport",
            options={"permissions": [("import_findings", "Can import files of findings")]},
        ),
        migrations.AddField(
            model_name="fileimport",
            name="context",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="fileimport",
            name="reasons",
            field=models.JSONField(default=list),
        ),
    ]
