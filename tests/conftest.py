"""Fixtures for every test: real Postgres and Valkey, by DATABASE_URL and REDIS_URL."""

import os

# The checkout's own .env or running demo must not reach the tests.
os.environ["POSTURE_IGNORE_ENV_FILES"] = "1"
for name in [n for n in os.environ if n.startswith(("POSTURE_", "AWS_"))]:
    if name != "POSTURE_IGNORE_ENV_FILES":
        del os.environ[name]
os.environ["POSTURE_SECRET_KEY"] = "a key that only the tests have, of fifty characters and more"
os.environ["POSTURE_DEBUG"] = "1"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
