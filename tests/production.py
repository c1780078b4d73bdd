"""posture.settings from the process environment, but for the names of static files.

Those with a hash in them exist only after collectstatic, which is the start-up's business.
"""

from posture.settings import *  # noqa: F403, TID251

STATIC_ROOT = BASE_DIR / "static"  # noqa: F405
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# People of the tests have passwords that were hashed quickly.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
