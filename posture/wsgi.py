import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "posture.settings")

application = get_wsgi_application()

from posture import limits  # noqa: E402  (needs the settings)

limits.of_web()
