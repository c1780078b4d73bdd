"""All settings, from the environment (see .env.example); there is one file for every installation."""

from datetime import timedelta
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
POSTURE_UPLOAD_DIR = env.text("POSTURE_UPLOAD_DIR", str(BASE_DIR / "var" / "uploads"))
POSTURE_UPLOAD_MAX_MB = env.number("POSTURE_UPLOAD_MAX_MB", 2048, low=1, high=102_400)
# Days for which closed findings, and what hangs on them, are kept; 0 keeps them for ever.
POSTURE_KEEP_PAYLOAD_DAYS = env.number("POSTURE_KEEP_PAYLOAD_DAYS", 90, low=0, high=3650)
POSTURE_KEEP_CLOSED_DAYS = env.number("POSTURE_KEEP_CLOSED_DAYS", 400, low=0, high=3650)
POSTURE_KEEP_RUN_DAYS = env.number("POSTURE_KEEP_RUN_DAYS", 30, low=0, high=3650)
# Signing in: with a password or passkey kept here, and how long a session lasts.
POSTURE_LOCAL_SIGN_IN = env.flag("POSTURE_LOCAL_SIGN_IN", default=True)
POSTURE_LOCAL_SECOND_FACTOR = env.flag("POSTURE_LOCAL_SECOND_FACTOR", default=True)
POSTURE_LOCKOUT_FAILURES = env.number("POSTURE_LOCKOUT_FAILURES", 5, low=3, high=20)
POSTURE_LOCKOUT_MINUTES = env.number("POSTURE_LOCKOUT_MINUTES", 15, low=1, high=1440)
POSTURE_SESSION_HOURS = env.number("POSTURE_SESSION_HOURS", 12, low=1, high=168)
POSTURE_SESSION_IDLE_MINUTES = env.number("POSTURE_SESSION_IDLE_MINUTES", 60, low=5, high=1440)
# API tokens expire after so many days at most.
POSTURE_TOKEN_MAX_DAYS = env.number("POSTURE_TOKEN_MAX_DAYS", 365, low=1, high=730)
# Whose X-Forwarded-For is believed; nobody's by default.
POSTURE_TRUSTED_PROXIES = env.networks("POSTURE_TRUSTED_PROXIES")
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
    "pgtrigger",
    "pghistory",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
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
}
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
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
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
SESSION_COOKIE_AGE = POSTURE_SESSION_HOURS * 3600
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None

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
    "posture.*": {"queue": "rollup"},
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

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("POSTURE_LOG_LEVEL", "INFO")},
    "loggers": {"botocore": {"level": "WARNING"}, "boto3": {"level": "WARNING"}},
}
