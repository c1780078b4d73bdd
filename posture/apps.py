from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class PostureConfig(AppConfig):
    name = "posture"

    def ready(self) -> None:
        from invariants.queries.exceptions import blast  # noqa: PLC0415  (needs the models)
        from posture import system_checks  # noqa: F401, PLC0415  (registers the checks)
        from posture.actions import notifications  # noqa: PLC0415  (needs the models)
        from posture.actions.audit import statements  # noqa: PLC0415  (needs the models)
        from posture.actions.roles import write_roles  # noqa: PLC0415  (likewise)
        from posture.actions.sign_in import hooks  # noqa: PLC0415  (likewise)
        from posture.logs import tasks as logged_tasks  # noqa: PLC0415  (likewise)
        from posture.queries import excepting  # noqa: PLC0415  (likewise)

        # Django's own app comes after ours, so all our permissions are there by then.
        post_migrate.connect(write_roles, sender=apps.get_app_config("auth"))
        hooks.connect()
        notifications.connect()
        statements.connect()
        logged_tasks.connect()
        blast.register_score(excepting.effects)
