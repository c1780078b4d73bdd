import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "posture.settings")

app = Celery("posture")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# In the worker alone, before it makes its children.
@worker_init.connect
def limit_statements(**_: object) -> None:
    from posture import limits  # noqa: PLC0415  (needs the settings)

    limits.of_tasks()
