from posture.celery import app as celery_app

# Importing the Celery app here is what gives tasks `delay_on_commit`.
__all__ = ["celery_app"]
