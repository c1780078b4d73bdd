"""Leave room on each page of the sums.

A sum changes in place only where the page has room for its new version. Else the version goes to
another page, and every index gets an entry for it: one changed finding has a thousand sums.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0009_unchecked_sweeps"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE findings_facetcount SET (fillfactor = 75)",
            "ALTER TABLE findings_facetcount RESET (fillfactor)",
        ),
    ]
