from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0013_public_findings"),
    ]

    operations = [
        migrations.AddField(
            model_name="control",
            name="clock_from",
            field=models.DateField(null=True),
        ),
    ]
