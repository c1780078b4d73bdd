"""All settings, from the environment (see .env.example); there is one file for every installation."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF

from posture import env

BASE_DIR = env.BASE_DIR

DEBUG = env.flag("POSTURE_DEBUG")
SECRET_KEY = env.secret(
    "POSTURE_SECRET_KEY", remedy="Set it to at least 50 random characters, or use `make run`."
)
ALLOWED_HOSTS = env.words("POSTURE_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
BASE_URL = env.text("POSTURE_BASE_URL", "http://localhost:8000").rstrip("/")
IS_HTTPS = BASE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# What Parapet itself reads; every name has its line in .env.example.
POSTURE_DEMO = env.flag("POSTURE_DEMO")
POSTURE_DEMO_PASSWORD = env.text("POSTURE_DEMO_PASSWORD")
POSTURE_ORGANIZATION_NAME = env.text("POSTURE_ORGANIZATION_NAME")
POSTURE_TIME_ZONE_OF_ORGANIZATION = env.time_zone("POSTURE_TIME_ZONE_OF_ORGANIZATION")
# Days off besides weekends: waits of exceptions are counted in business days.
POSTURE_HOLIDAYS = env.days("POSTURE_HOLIDAYS")
POSTURE_HOME_REGION = env.text("POSTURE_HOME_REGION", "us-east-1")
POSTURE_HUB_ROLE_ARN = env.text("POSTURE_HUB_ROLE_ARN")
POSTURE_MANAGEMENT_ROLE_ARN = env.text("POSTURE_MANAGEMENT_ROLE_ARN")
POSTURE_MEMBER_ROLE_NAME = env.text("POSTURE_MEMBER_ROLE_NAME", "ParapetMemberRead")
POSTURE_EXTERNAL_ID = env.text("POSTURE_EXTERNAL_ID")
POSTURE_AWS_RATE_PERCENT = env.number("POSTURE_AWS_RATE_PERCENT", 50, low=0, high=100)
POSTURE_COLLECT_EVERY_MINUTES = env.number("POSTURE_COLLECT_EVERY_MINUTES", 15, low=1, high=1440)
POSTURE_FULL_SWEEP_EVERY_HOURS = env.number("POSTURE_FULL_SWEEP_EVERY_HOURS", 24, low=1, high=168)
POSTURE_FACTS_EVERY_HOURS = env.number("POSTURE_FACTS_EVERY_HOURS", 24, low=0, high=8760)
POSTURE_RUN_SILENT_SECONDS = env.number("POSTURE_RUN_SILENT_SECONDS", 300, low=1, high=3600)
# Findings: which Security Hub API is read, the queue that EventBridge fills, writing back to AWS.
POSTURE_SECURITY_HUB_API = env.choice("POSTURE_SECURITY_HUB_API", "v1", ("v1", "v2"))
POSTURE_EVENT_QUEUE_URL = env.text("POSTURE_EVENT_QUEUE_URL")
POSTURE_WRITE_BACK = env.flag("POSTURE_WRITE_BACK")
POSTURE_WRITE_BACK_ROLE_ARN = env.text("POSTURE_WRITE_BACK_ROLE_ARN")
POSTURE_CLOCKS_FILE = env.text("POSTURE_CLOCKS_FILE")
POSTURE_KPI_FILE = env.text("POSTURE_KPI_FILE")
POSTURE_CATALOG_FOLDERS = env.words("POSTURE_CATALOG_FOLDERS")
POSTURE_UPLOAD_DIR = env.text("POSTURE_UPLOAD_DIR", str(BASE_DIR / "var" / "uploads"))
# Evidence of exceptions: a folder that no server serves, or a bucket (then the folder is not used).
POSTURE_EVIDENCE_DIR = env.text("POSTURE_EVIDENCE_DIR", str(BASE_DIR / "var" / "evidence"))
POSTURE_EVIDENCE_BUCKET = env.text("POSTURE_EVIDENCE_BUCKET")
POSTURE_UPLOAD_MAX_MB = env.number("POSTURE_UPLOAD_MAX_MB", 2048, low=1, high=102_400)
# Days for which closed findings, and what hangs on them, are kept; 0 keeps them for ever.
POSTURE_KEEP_PAYLOAD_DAYS = env.number("POSTURE_KEEP_PAYLOAD_DAYS", 90, low=0, high=3650)
POSTURE_KEEP_CLOSED_DAYS = env.number("POSTURE_KEEP_CLOSED_DAYS", 400, low=0, high=3650)
POSTURE_KEEP_RUN_DAYS = env.number("POSTURE_KEEP_RUN_DAYS", 30, low=0, high=3650)
POSTURE_KEEP_DENIAL_DAYS = env.number("POSTURE_KEEP_DENIAL_DAYS", 200, low=8, high=3650)
# Signing in: with a password or passkey kept here, and how long a session lasts.
POSTURE_LOCAL_SIGN_IN = env.flag("POSTURE_LOCAL_SIGN_IN", default=True)
POSTURE_LOCAL_SECOND_FACTOR = env.flag("POSTURE_LOCAL_SECOND_FACTOR", default=True)
POSTURE_LOCKOUT_FAILURES = env.number("POSTURE_LOCKOUT_FAILURES", 5, low=3, high=20)
POSTURE_LOCKOUT_MINUTES = env.number("POSTURE_LOCKOUT_MINUTES", 15, low=1, high=1440)
POSTURE_SESSION_HOURS = env.number("POSTURE_SESSION_HOURS", 12, low=1, high=168)
POSTURE_SESSION_IDLE_MINUTES = env.number("POSTURE_SESSION_IDLE_MINUTES", 60, low=5, high=1440)
# Signing in by an identity provider: how long it is believed before it is asked again, for pages and for
# tokens, and what happens to people none of whose groups is mapped.
POSTURE_PROVIDER_SESSION_HOURS = env.number("POSTURE_PROVIDER_SESSION_HOURS", 8, low=1, high=168)
POSTURE_PROVIDER_TOKEN_DAYS = env.number("POSTURE_PROVIDER_TOKEN_DAYS", 30, low=1, high=365)
POSTURE_PROVIDER_WITHOUT_GROUP = env.choice(
    "POSTURE_PROVIDER_WITHOUT_GROUP", "refuse", ("refuse", "allow")
)
POSTURE_SIGN_IN_HELP = env.text("POSTURE_SIGN_IN_HELP")
# Requests of the API in a minute: of a token, of a person in all ways together, and of an address that
# sends neither a session nor a valid token.
POSTURE_API_TOKEN_PER_MINUTE = env.number("POSTURE_API_TOKEN_PER_MINUTE", 300, low=1, high=100_000)
POSTURE_API_PERSON_PER_MINUTE = env.number(
    "POSTURE_API_PERSON_PER_MINUTE", 600, low=1, high=100_000
)
POSTURE_API_ANONYMOUS_PER_MINUTE = env.number(
    "POSTURE_API_ANONYMOUS_PER_MINUTE", 30, low=1, high=100_000
)
# API tokens expire after so many days at most.
POSTURE_TOKEN_MAX_DAYS = env.number("POSTURE_TOKEN_MAX_DAYS", 365, low=1, high=730)
# Seconds that the database works on one statement, of a page and of a task.
POSTURE_WEB_STATEMENT_SECONDS = env.number("POSTURE_WEB_STATEMENT_SECONDS", 30, low=1, high=300)
POSTURE_TASK_STATEMENT_SECONDS = env.number(
    "POSTURE_TASK_STATEMENT_SECONDS", 3600, low=60, high=14_400
)
# Whose X-Forwarded-For is believed; nobody's by default.
POSTURE_TRUSTED_PROXIES = env.networks("POSTURE_TRUSTED_PROXIES")
# Keys that stored secrets are encrypted under: the first seals, all unseal.
POSTURE_SEALING_KEYS = env.words("POSTURE_SEALING_KEYS")
# Where webhooks may go: names of hosts, and private networks that these may be in.
POSTURE_WEBHOOK_HOSTS = env.words("POSTURE_WEBHOOK_HOSTS")
POSTURE_WEBHOOK_NETWORKS = env.networks("POSTURE_WEBHOOK_NETWORKS")
POSTURE_WEBHOOK_OFF_DAYS = env.number("POSTURE_WEBHOOK_OFF_DAYS", 5, low=1, high=90)
# Lines of a digest of notifications; the rest is counted.
POSTURE_DIGEST_LINES = env.number("POSTURE_DIGEST_LINES", 20, low=1, high=200)
POSTURE_KEEP_DELIVERY_DAYS = env.number("POSTURE_KEEP_DELIVERY_DAYS", 30, low=1, high=3650)
# Who takes events of the queue that hold no findings, by their detail-type (ADR 17).
POSTURE_EVENT_TAKERS = {"AWS API Call via CloudTrail": "invariants.ingest.events.take"}
AWS_ENDPOINT_URL = env.text("AWS_ENDPOINT_URL")
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

INSTALLED_APPS = [
    "posture",
    "invariants",
    "findings",
    "inventory",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
]
MIDDLEWARE = [
    # Outermost: every answer has its request's id, and its line in the log.
    "posture.logs.requests.Requests",
    # The two first put headers on whatever the others answer.
    "posture.views.headers.SecurityHeaders",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before anything reads what was sent.
    "posture.views.limits.Limits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "posture.views.sign_in.middleware.SignedIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    # Here, because ending a session has something to say, and a message needs the middleware above.
    "posture.views.sign_in.middleware.SessionLife",
    "posture.views.sign_in.middleware.SecondFactor",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    # The first: who is locked out is refused before any password is looked at.
    "axes.backends.AxesStandaloneBackend",
    "posture.actions.sign_in.backend.Backend",
]
ROOT_URLCONF = "posture.urls"
WSGI_APPLICATION = "posture.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            ["django.template.loaders.filesystem.Loader"],
                        )
                    ],
                )
            ],
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "posture.context_processors.shell",
            ],
        },
    }
]

DATABASES = {"default": env.database()}
# Counts of attempts, which all web processes share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "parapet",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "posture:overview"
LOGOUT_REDIRECT_URL = "account_login"
PASSWORD_RESET_TIMEOUT = 3600

ACCOUNT_ADAPTER = "posture.views.sign_in.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
# Accounts are made by administrators or an identity provider, which know the address.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_FORMS = {
    "login": "posture.forms.sign_in.SignInForm",
    "reauthenticate": "posture.forms.sign_in.PasswordAgainForm",
    "change_password": "posture.forms.sign_in.ChangePasswordForm",
    "reset_password_from_key": "posture.forms.sign_in.NewPasswordForm",
}
ACCOUNT_RATE_LIMITS = {
    # By name over all addresses, second factors too: axes counts by name and address below.
    "login_failed": "10/m/ip,20/h/key",
    "reset_password": "20/m/ip,5/h/key",
    # People of one office come from one address, all of them at nine o'clock.
    "provider_sign_in": "300/m/ip",
    "provider_sign_in_failed": "10/m/ip,100/d/ip",
}
SOCIALACCOUNT_ADAPTER = "posture.views.sign_in.providers.adapter.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = env.identity_providers()
# Who somebody is, the provider's subject says; whoever writes an address there takes over nobody.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
MFA_ADAPTER = "posture.views.sign_in.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# With a finger or a PIN a passkey is two factors by itself.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "add_webauthn": "posture.forms.sign_in.AddPasskeyForm",
    "edit_webauthn": "posture.forms.sign_in.RenamePasskeyForm",
}
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = POSTURE_LOCKOUT_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=POSTURE_LOCKOUT_MINUTES)
AXES_RESET_ON_SUCCESS = True
# Knocking at a locked door does not lock it for longer: the page can say how long it takes.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "posture.web.client_address"
AXES_USERNAME_CALLABLE = "posture.actions.sign_in.attempts.username"
AXES_LOCKOUT_CALLABLE = "posture.views.sign_in.pages.locked_out"
# The audit log keeps who signed in; what people type into the wrong field is kept nowhere.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "login", "csrfmiddlewaretoken"]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Of what packages bring, only what a page uses is served: others have old libraries for pages that
# are not here.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    BASE_DIR / "static",
    ("django_htmx", env.package("django_htmx") / "static" / "django_htmx"),
    (
        "drf_spectacular_sidecar/swagger-ui-dist",
        env.package("drf_spectacular_sidecar") / "static/drf_spectacular_sidecar/swagger-ui-dist",
    ),
]
_EVIDENCE: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    # Without an address: what is stored here is never linked to, only handed out by a view.
    "OPTIONS": {"location": POSTURE_EVIDENCE_DIR, "base_url": None},
}
if POSTURE_EVIDENCE_BUCKET:
    _EVIDENCE = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": POSTURE_EVIDENCE_BUCKET,
            "location": "evidence",
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            "object_parameters": {"ServerSideEncryption": "AES256"},
        },
    }
STORAGES = {
    "evidence": _EVIDENCE,
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# No inline script or style anywhere; htmx runs with eval and its own <style> switched off.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
# With this prefix a browser takes them from this host alone, over https, for the whole site.
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrftoken"
# Forms carry the token; no script reads the cookie.
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = POSTURE_SESSION_HOURS * 3600
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS and env.flag("POSTURE_HSTS_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = IS_HTTPS and env.flag("POSTURE_HSTS_PRELOAD", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None

# What one request may hold; the page of imports alone takes files (POSTURE_UPLOAD_MAX_MB each).
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_PERMISSIONS = 0o600

# Without a server the demo keeps its mail on a page, and anywhere else sending says what is missing.
EMAIL_HOST = env.text("POSTURE_EMAIL_HOST")
EMAIL_PORT = env.number("POSTURE_EMAIL_PORT", 587, low=1, high=65535)
EMAIL_HOST_USER = env.text("POSTURE_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("POSTURE_EMAIL_PASSWORD")
POSTURE_EMAIL_SECURITY = env.choice(
    "POSTURE_EMAIL_SECURITY", "starttls", ("starttls", "tls", "none")
)
EMAIL_USE_TLS = POSTURE_EMAIL_SECURITY == "starttls"
EMAIL_USE_SSL = POSTURE_EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.text("POSTURE_EMAIL_FROM", "parapet@localhost")
if EMAIL_HOST:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
elif POSTURE_DEMO:
    EMAIL_BACKEND = "posture.actions.mailbox.Mailbox"
else:
    EMAIL_BACKEND = "posture.actions.mailbox.Nowhere"

REST_FRAMEWORK = {
    # LoginRequiredMiddleware does not cover DRF views, so the default has to.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # A token first: a request that names one is answered by it alone, whatever the browser remembers.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "posture.views.bearer.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["posture.api.limits.PerMinute"],
    "DEFAULT_SCHEMA_CLASS": "inventory.api.schema.ResourceSchema",
    "EXCEPTION_HANDLER": "inventory.api.problems.handle",
    # Parameters of ours are strict: `format` and the like are none of DRF's.
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parapet API",
    # Of the description, not of the software: what is after the first dot only ever adds.
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.1",
    "DESCRIPTION": (
        "Scorecards, findings, KPIs, coverage and weekly reviews, by the same queries as the pages. "
        "Everybody gets what they see on the pages, and no more. Lists have `next` and `previous` "
        "(cursors) and `results`. Every answer has an ETag. What is wrong is told as problem details "
        "(RFC 9457). Numbers that are not whole are texts, as exact as the pages show them, and null "
        "is “no data”, which is never zero."
    ),
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVERS": [{"url": "/", "description": "This installation"}],
    "SORT_OPERATION_PARAMETERS": False,
    "POSTPROCESSING_HOOKS": [],
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "TAGS": [
        {"name": "API", "description": "What there is."},
        {"name": "Organisation", "description": "Organisations, OUs and accounts."},
        {"name": "Scorecards", "description": "How OUs stand, and why."},
        {"name": "Findings", "description": "Single findings, and the controls that found them."},
        {"name": "KPIs", "description": "Thirty KPIs of each OU, day by day."},
        {"name": "Coverage", "description": "Where the security services are on."},
        {"name": "Reviews", "description": "Weekly reviews with their frozen numbers."},
        {"name": "Collection", "description": "What was read from AWS, and what could not be."},
        {"name": "Exceptions", "description": "Exceptions, from request to removal; also written."},
    ],
}

KNOX_TOKEN_MODEL = "posture.ApiToken"  # noqa: S105
# Our table stands in for knox's own, which its migrations would make all the same.
MIGRATION_MODULES = {"knox": None}
# By the prefix those who look for leaked secrets know one of ours.
REST_KNOX = {"TOKEN_PREFIX": "ppt_", "AUTH_HEADER_PREFIX": "Bearer"}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A task's message comes back after this time when its worker died; the longest task is half of it.
# That is reading a million findings at half of AWS's rates. Runs of a dead worker do not wait for it:
# posture.collect_rescue puts them back within minutes.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 10 * 3600}
CELERY_TASK_TIME_LIMIT = 4 * 3600
CELERY_TASK_SOFT_TIME_LIMIT = 4 * 3600 - 300
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "collect"
CELERY_TASK_ROUTES = {
    "inventory.*": {"queue": "collect"},
    "findings.collect_*": {"queue": "collect"},
    # They wait for AWS, too.
    "findings.write_back*": {"queue": "collect"},
    "findings.*": {"queue": "ingest"},
    "posture.collect*": {"queue": "collect"},
    "posture.mail_*": {"queue": "mail"},
    "posture.webhook*": {"queue": "mail"},
    "posture.notify*": {"queue": "mail"},
    "posture.*": {"queue": "rollup"},
    "invariants.*": {"queue": "rollup"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "collect": {
        "task": "posture.collect",
        "schedule": POSTURE_COLLECT_EVERY_MINUTES * 60,
        "options": {"expires": POSTURE_COLLECT_EVERY_MINUTES * 60},
    },
    "rescue": {
        "task": "posture.collect_rescue",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "mail_due": {
        "task": "posture.mail_due",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "mail_notices_due": {
        "task": "posture.mail_notices_due",
        "schedule": 300,
        "options": {"expires": 300},
    },
    # What happened is told within so many seconds, and what a dead worker left is taken up.
    "webhooks_due": {
        "task": "posture.webhooks_due",
        "schedule": 30,
        "options": {"expires": 30},
    },
    # People are told of exceptions within so many seconds; quiet hours and digests hold what they hold.
    "notify_due": {
        "task": "posture.notify_due",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "notify_late": {
        "task": "posture.notify_late",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "notify_retain": {
        "task": "posture.notify_retain",
        "schedule": crontab(hour=4, minute=15),
        "options": {"expires": 6 * 3600},
    },
    "webhooks_findings": {
        "task": "posture.webhooks_findings",
        "schedule": 300,
        "options": {"expires": 300},
    },
    # What ends, ends on its day; what was missed while nothing ran is caught up with.
    "exceptions_tick": {
        "task": "posture.exceptions_tick",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "denials_retain": {
        "task": "invariants.retain_denials",
        "schedule": crontab(hour=4, minute=25),
    },
    "webhooks_retain": {
        "task": "posture.webhooks_retain",
        "schedule": crontab(hour=4, minute=10),
        "options": {"expires": 6 * 3600},
    },
    "sign_in_retain": {
        "task": "posture.sign_in_retain",
        "schedule": crontab(hour=4, minute=20),
        "options": {"expires": 6 * 3600},
    },
    "rescue_imports": {
        "task": "findings.rescue_imports",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "write_back_rescue": {
        "task": "findings.write_back_rescue",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "close_day": {
        "task": "posture.roll_up",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
    # A process that starts has the settings of its environment; this finds what is new in them.
    "audit_settings": {
        "task": "posture.audit_settings",
        "schedule": 600,
        "options": {"expires": 600},
    },
    # Closes the KPIs of the day that is over.
    "fill_kpis": {
        "task": "posture.fill_kpis",
        "schedule": crontab(hour=0, minute=25),
        "options": {"expires": 6 * 3600},
    },
    # Only what is due: a week that is over, by the clocks of the organisation.
    "freeze_reviews": {
        "task": "posture.freeze_reviews",
        "schedule": crontab(minute=5),
        "options": {"expires": 3600},
    },
    # Only where the file of due-date rules has another version than the findings.
    "reclock": {
        "task": "findings.reclock",
        "schedule": crontab(hour=2, minute=10),
        "options": {"expires": 6 * 3600},
    },
    "retain": {
        "task": "findings.retain",
        "schedule": crontab(hour=3, minute=40),
        "options": {"expires": 6 * 3600},
    },
}
if POSTURE_EVENT_QUEUE_URL:
    # Beside `manage.py consume_events`, or instead of it; both at once are harmless.
    CELERY_BEAT_SCHEDULE["consume_events"] = {
        "task": "findings.consume_events",
        "schedule": 60,
        "options": {"expires": 60},
    }

# Lines on standard error: JSON, or for a person who watches. No payload, no secret: docs/audit.md.
POSTURE_LOG_LEVEL = env.text("POSTURE_LOG_LEVEL", "INFO").upper()
POSTURE_LOG_FORMAT = env.choice("POSTURE_LOG_FORMAT", "json", ("json", "text"))
# Libraries that write requests, messages or statements with their values when they are asked for more.
_NEVER_BELOW_INFO = (
    *("amqp", "asyncio", "celery", "django.db", "django.template", "kombu", "redis", "urllib3"),
    *("allauth", "onelogin", "oauthlib", "requests", "requests_oauthlib", "xmlschema", "PIL"),
)
_LIBRARIES = "INFO" if POSTURE_LOG_LEVEL in ("DEBUG", "NOTSET") else POSTURE_LOG_LEVEL
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "posture.logs.lines.JsonLines"},
        "text": {"()": "posture.logs.lines.ReadableLines"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": POSTURE_LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": POSTURE_LOG_LEVEL},
    "loggers": {
        **{name: {"level": _LIBRARIES} for name in _NEVER_BELOW_INFO},
        "botocore": {"level": "WARNING"},
        "boto3": {"level": "WARNING"},
        # Its lines have parts of addresses, which are secrets; ours say how a message ended.
        "apprise": {"level": "CRITICAL"},
        # Answers below 500 have their line of posture.access.
        "django.request": {"level": "ERROR"},
        # Four lines for each sign-in, which the audit log tells in one entry.
        "axes": {"level": "WARNING"},
        # It says what a task returned; posture.tasks says how it ended.
        "celery.app.trace": {"level": "WARNING"},
        # They write by themselves, in a form of their own, unless they are told to hand on.
        **{
            name: {"handlers": [], "level": _LIBRARIES, "propagate": True}
            for name in ("django", "django.server", "gunicorn.error", "gunicorn.access")
        },
    },
}
