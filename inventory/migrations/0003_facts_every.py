from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0002_account_facts"),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="facts_every",
            field=models.DurationField(null=True),
        ),
    ]
