from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("posture", "0005_changes_and_owners")]

    operations = [
        migrations.AddField(
            model_name="kpifill",
            name="error",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
