from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("posture", "0010_closed_actions"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="kpiaccountpoint",
            name="posture_kpiaccountpoint_own",
        ),
    ]
