"""The settings of the tests: posture.settings in an environment that only the tests have.

The checkout's own .env, a running demo and the shell's AWS variables must not reach the tests.
"""

import os

for _name in [n for n in os.environ if n.startswith(("POSTURE_", "AWS_"))]:
    del os.environ[_name]
os.environ |= {
    "POSTURE_IGNORE_ENV_FILES": "1",
    "POSTURE_SECRET_KEY": "a key that only the tests have, of fifty characters and more",
    "POSTURE_ORGANIZATION_NAME": "Halden Group",
    "AWS_EC2_METADATA_DISABLED": "true",
    # All tests ask from one address, many of them at one moment of a clock that stands still.
    "POSTURE_API_TOKEN_PER_MINUTE": "100000",
    "POSTURE_API_PERSON_PER_MINUTE": "100000",
    "POSTURE_API_ANONYMOUS_PER_MINUTE": "100000",
}
# One Valkey serves all test processes: each has a database of its own (gw0 has 1, and so on).
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
_redis = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
if _redis.startswith("redis://"):
    os.environ["REDIS_URL"] = f"{_redis.rstrip('/').removesuffix('/0')}/{_worker}"

from posture.settings import *  # noqa: E402, F403, TID251

# Hashed names and the collected folder exist only after collectstatic, which is the start-up's business.
STATIC_ROOT = BASE_DIR / "static"  # noqa: F405
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Passwords are hashed slowly on purpose; the tests sign in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
