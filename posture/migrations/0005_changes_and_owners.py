from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("posture", "0004_frozen_reviews")]

    operations = [
        migrations.AddIndex(
            model_name="cellday",
            index=BrinIndex(
                autosummarize=True,
                fields=["day"],
                name="posture_cellday_by_day",
                pages_per_range=16,
            ),
        ),
        migrations.AddIndex(
            model_name="accountday",
            index=models.Index(
                condition=models.Q(("area", "")),
                fields=["team_key", "day"],
                name="posture_accountday_team",
            ),
        ),
    ]
