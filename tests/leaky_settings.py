"""tests.production with one page more: tests/faults/leaky.py."""

from tests.production import *  # noqa: F403

ROOT_URLCONF = "tests.faults.leaky"
