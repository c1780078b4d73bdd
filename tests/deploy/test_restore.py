"""A backup by pg_dump, brought back by pg_restore as docs/operating.md says it.

What is published stays refused afterwards, and the triggers that refuse it stand in no restore's way.
"""

import os
import subprocess
from contextlib import contextmanager
from datetime import date

import psycopg
import pytest
from django.db import connection
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.local import postgres
from posture.models import ReviewAction, ReviewNote
from tests import factories
from tests.fixtures import reviews

pytestmark = [pytest.mark.enable_socket, pytest.mark.usefixtures("erasable_reviews")]
PASSWORD = "of-the-restored-database"
TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
ROWS = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"


def address(name, **changes):
    values = connection.settings_dict
    settings = {"host": values["HOST"], "user": values["USER"], "password": values["PASSWORD"]}
    return make_conninfo(port=values["PORT"], dbname=name, **(settings | changes))


def run(program, *arguments, **variables):
    """Run one of PostgreSQL's own programs; its exit code and what it complained of."""
    done = subprocess.run(
        [postgres.bin_dir() / program, *map(str, arguments)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def contents(where):
    """Every table with the number of its rows and a hash of them."""
    with psycopg.connect(where) as found:
        names = [name for (name,) in found.execute(TABLES).fetchall()]
        return {
            name: found.execute(sql.SQL(ROWS).format(sql.Identifier(name))).fetchone()
            for name in names
        }


@pytest.fixture
def dump(tmp_path):
    """A dump of a database with a finding, its episode, and a published week with all its parts."""
    account, control = factories.account(), factories.control(severity="HIGH")
    factories.finding(account=account, control=control)
    review = reviews.weekly_review()
    ReviewNote.objects.create(review=review, text="Keys get better")
    ReviewAction.objects.create(
        organization=review.organization,
        review=review,
        text="Remove the old keys",
        owner="priya",
        due_on=date(2026, 12, 4),
        first_due_on=date(2026, 12, 4),
        created_by="chair",
    )
    review.state, review.published_by, review.published_at = "PUBLISHED", "marta", factories.NOW
    review.save()
    file = tmp_path / "parapet.dump"
    code, said = run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={source()}")
    assert code == 0, said
    return file


def source():
    return address(connection.settings_dict["NAME"])


@contextmanager
def empty_database(owner=None):
    """The address of a new database; `owner` is a role that may nothing else."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(address("postgres"), autocommit=True) as server:
        database, role = sql.Identifier(name), sql.Identifier(owner or "")
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(database))
        if owner:
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
            made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD))
            server.execute(made)
        server.execute(sql.SQL("CREATE DATABASE {}").format(database))
        if owner:
            server.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
        try:
            yield address(name, **({"user": owner, "password": PASSWORD} if owner else {}))
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            if owner:
                server.execute(sql.SQL("DROP ROLE {}").format(role))


def check_restored(where):
    """The same rows, what is published refused, and episodes kept in step."""
    assert contents(where) == contents(source())
    with psycopg.connect(where, autocommit=True) as restored:
        for statement in (
            "UPDATE posture_weeklyreview SET headline = 'better'",
            "DELETE FROM posture_reviewnote",
            "TRUNCATE posture_weeklyreview CASCADE",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation, match=r"published|frozen"):
                restored.execute(statement)
        restored.execute("UPDATE findings_finding SET severity = 'LOW'")
        assert restored.execute("SELECT severity FROM findings_episode").fetchall() == [("LOW",)]


def test_a_dump_is_restored_whole_by_the_owner_of_an_empty_database(dump):
    owner = f"{connection.settings_dict['NAME']}_owner"
    with empty_database(owner) as where:
        code, said = run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={where}", dump)
        assert (code, said) == (0, "")
        check_restored(where)
        # Over what is there, a published week included: tables are dropped, not emptied.
        again = ("--clean", "--if-exists", "--exit-on-error", "--no-owner")
        code, said = run("pg_restore", *again, f"--dbname={where}", dump)
        assert (code, said) == (0, "")
        check_restored(where)


def test_rows_alone_are_restored_with_the_triggers_kept_off(dump):
    with empty_database() as where:
        schema = ("--exit-on-error", "--schema-only", f"--dbname={where}", dump)
        assert run("pg_restore", *schema) == (0, "")
        rows = ("--exit-on-error", "--data-only", "--single-transaction", f"--dbname={where}", dump)
        code, said = run("pg_restore", *rows)
        assert code == 1 and "COPY failed" in said
        assert {count for count, _ in contents(where).values()} == {0}
        off = {"PGOPTIONS": "-c session_replication_role=replica"}
        assert run("pg_restore", *rows, **off) == (0, "")
        check_restored(where)
