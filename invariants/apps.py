from django.apps import AppConfig


class InvariantsConfig(AppConfig):
    name = "invariants"

    def ready(self) -> None:
        from findings.queries import hints  # noqa: PLC0415  (needs the models)
        from invariants.queries import finding_hints  # noqa: PLC0415  (likewise)
        from invariants.queries.exceptions import entry  # noqa: PLC0415  (likewise)

        hints.register_hint(finding_hints.of_finding)
        hints.register_exception(entry.way_of_finding)
