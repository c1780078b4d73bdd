from django.apps import AppConfig


class PostureConfig(AppConfig):
    name = "posture"

    def ready(self) -> None:
        from posture import system_checks  # noqa: F401, PLC0415  (registers the checks)
