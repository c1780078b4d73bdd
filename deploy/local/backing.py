"""The servers behind one run: Postgres, Valkey and the sandbox AWS, as far as nobody brings their own."""

from contextlib import ExitStack

from deploy.local import postgres, sandbox_aws, valkey
from deploy.local.console import Console
from deploy.local.environment import Environment
from deploy.local.ports import free_port
from deploy.local.processes import Service, ServiceError


class Backing:
    """Starts together, answers one by one, stops in reverse."""

    def __init__(self, environment: Environment, console: Console) -> None:
        self._environment = environment
        self._console = console
        self._stack = ExitStack()
        self._services: dict[str, Service] = {}

    def start(self) -> None:
        """Start what is needed, without waiting for answers.

        :raises ServiceError: when the Postgres cluster cannot be made.
        """
        environment, var = self._environment, self._environment.paths.var
        logs = environment.paths.logs
        if environment.aws == "sandbox":
            sandbox = sandbox_aws.start_sandbox(
                environment.paths.root,
                port=free_port(),
                anchor=environment.kept["PARAPET_ANCHOR"],
                log=logs / "sandbox.log",
                run_dir=var,
                environment=environment.for_processes() | environment.kept,
            )
            self._add(sandbox)
            environment.add({"AWS_ENDPOINT_URL": sandbox.url}, is_forced=True)
        if not environment.is_given("REDIS_URL"):
            password = environment.kept["PARAPET_VALKEY_PASSWORD"]
            self._add(
                valkey.start_valkey(
                    var / "valkey",
                    port=free_port(),
                    password=password,
                    log=logs / "valkey.log",
                    run_dir=var,
                )
            )
        if not environment.is_given("DATABASE_URL"):
            password = environment.kept["PARAPET_POSTGRES_PASSWORD"]
            self._add(
                postgres.start_postgres(
                    var / "postgres",
                    port=free_port(),
                    password=password,
                    log=logs / "postgres.log",
                    run_dir=var,
                )
            )

    def wait_stores(self) -> None:
        """Wait for Postgres and Valkey, ours or the ones that were given, and set their addresses.

        :raises ServiceError: when one does not answer.
        """
        environment = self._environment
        if server := self._wait("PostgreSQL"):
            url = postgres.ensure_database(server.url, environment.database_name)
            environment.add({"DATABASE_URL": url})
        elif not postgres.answers(environment.secret("DATABASE_URL")):
            raise ServiceError(
                "No PostgreSQL answers at DATABASE_URL. Start it, or unset the variable."
            )
        if server := self._wait("Valkey"):
            environment.add({"REDIS_URL": server.url})
        elif not valkey.answers(environment.secret("REDIS_URL")):
            raise ServiceError(
                "No Valkey or Redis answers at REDIS_URL. Start it, or unset the variable."
            )

    def wait_sandbox(self) -> None:
        """Wait for the sandbox, if this run has one, and point the processes at it.

        :raises ServiceError: when it does not answer.
        """
        if server := self._wait("sandbox AWS"):
            self._environment.add(sandbox_aws.facts(server), is_forced=True)

    def fallen(self) -> str | None:
        """What to tell a person about a server that ended by itself; None while all of them run."""
        for service in self._services.values():
            if not service.is_running():
                return service.report(f"ended with code {service.process.returncode}")
        return None

    def stop(self) -> None:
        self._stack.close()

    def _add(self, service: Service) -> None:
        self._services[service.name] = self._stack.enter_context(service)

    def _wait(self, name: str) -> Service | None:
        service = self._services.get(name)
        if service is None:
            return None
        with self._console.step(f"{name} answers"):
            return service.wait_ready()
