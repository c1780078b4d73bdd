"""Every address of the site, asked for as everybody: the status, and that nothing foreign is told.

A new address gets a row in tests/guards/matrix/ (see its docstring), or a test here fails.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse

from posture.actions import reports
from posture.models import Report
from posture.policies import roles, tokens
from tests.fixtures import answers
from tests.fixtures.leak_world import COUNTS, NOW, Marker, Person, World, numbers
from tests.guards import matrix
from tests.guards.matrix import Row
from tests.guards.test_urls import OPEN as OPEN_ADDRESSES
from tests.guards.test_urls import patterns

pytestmark = pytest.mark.django_db

ROLES = (
    *("engineer", "lead", "executive", "team member", "auditor", "administrator"),
    *("member and executive", "auditor and administrator", "OU reader", "stranger", "anonymous"),
    *("CISO", "system owner"),
)
TOKENS = tuple(
    f"token to {right.code.partition('.')[2]}"
    for right in roles.RIGHTS
    if right.code not in tokens.FOR_PEOPLE_ONLY
)
# They see some of it; a token for findings sees what its owner's team has.
IN_PART = ("team member", "OU reader", "token to read_findings")
# What is behind these is tried, too.
SETTINGS = {"POSTURE_DEMO": True, "POSTURE_WRITE_BACK": True}
MOST = 60
# As these every fragment is asked for, and HEAD; others are told the same as one of them.
THOROUGH = (*IN_PART, "engineer", "executive", "stranger", "anonymous")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Written by asking, whoever asks: how long a session has been idle, and when a token was used.
_OF_THE_SESSION = ("django_session", "usersessions_usersession", "posture_apitoken")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of the matrix: a row, tried as a person, about a thing of a zone ("" is none)."""

    row: Row
    person: Person
    zone: str
    args: tuple[object, ...]
    query: str
    path: str

    def __str__(self) -> str:
        return f"{self.row.verb} {self.path} as {self.person.name}"

    @property
    def world(self) -> World:
        return world_now()


@pytest.fixture(scope="module", autouse=True)
def world(django_db_setup, django_db_blocker):
    """Made once for all tests here, each of which leaves it as it was."""
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        override_settings(**SETTINGS),
        transaction.atomic(),
    ):
        found = matrix.build()
        _WORLD.append(found)
        yield found
        _WORLD.clear()
        transaction.set_rollback(True)


_WORLD: list[World] = []


def world_now() -> World:
    return _WORLD[0]


@pytest.fixture(autouse=True)
def clock():
    with (
        time_machine.travel(NOW, tick=False),
        override_settings(**SETTINGS),
    ):
        yield


def asks(person: Person, world: World) -> Iterator[Ask]:
    """Every row as this person, about each thing that it can be about.

    Who sees only a part is asked about everything, by every query. Of others each way of being
    answered is tried once.
    """
    for row in matrix.ROWS:
        if (row.people and person.name not in row.people) or not _is_for(row, person):
            continue
        for zone, args in _things(row, person, world):
            address = reverse(row.name, args=args)
            for query in row.query if person.name in IN_PART else row.query[:1]:
                path = address + query.format_map(world.words)
                yield Ask(row, person, zone, args, query, path)


def _things(row: Row, person: Person, world: World) -> Iterable[tuple[str, tuple[object, ...]]]:
    if not row.of:
        return [("", ())]
    things = world.things[row.of]
    if person.name in IN_PART:
        return things
    return {world.sees(person, zone): (zone, args) for zone, args in reversed(things)}.values()


def _is_for(row: Row, person: Person) -> bool:
    """A token is for the API; on pages it is nobody, and one token shows that."""
    return row.is_api or not person.is_token or person.name == TOKENS[0]


def send(ask, *, client=None, headers=None):
    client, row = client or ask.person.client, ask.row
    if row.verb == "GET":
        return client.get(ask.path, headers=headers)
    if row.body is not None:
        return client.generic(
            row.verb, ask.path, answers.as_json(row.body), "application/json", headers=headers
        )
    if row.verb == "POST":
        return client.post(ask.path, _form(ask), headers=headers)
    return client.generic(row.verb, ask.path, headers=headers)


def expected(ask: Ask) -> tuple[int, ...]:
    if ask.person.is_token and not ask.row.is_api:
        # A page takes no tokens.
        return ask.row.at_the_door()
    return ask.row.expected(ask.person, ask.zone, ask.world)


def is_allowed(ask: Ask, status: int) -> bool:
    return status < 400 and not (
        status == 302 and expected(ask) == (302,) and ask.row.verb == "GET"
    )


def told(ask, response):
    """What the answer gives away; what the person typed themselves says nothing new."""
    if response.headers.get("Location", "").startswith("/sign-in/?next="):
        return []
    text = answers.spoken(response)
    known = frozenset(ask.row.tells)
    return ask.world.told(ask.person, _without_what_was_asked(ask, text), known=known)


def _without_what_was_asked(ask, text):
    """An answer may repeat the address, and the words of the query where they stand by themselves."""
    text = text.replace(ask.path, "").replace(ask.path.partition("?")[0], "")
    if ask.person.user is not None and ask.person.user.email:
        text = text.replace(ask.person.user.email, "")
    typed = parse_qsl(ask.query.format_map(ask.world.words).lstrip("?"))
    named = [("", str(one)) for one in ask.args]
    return answers.without_echo(text, [*typed, *named, *_form(ask).items()])


def _form(ask: Ask) -> dict[str, str]:
    sent = ask.row.sent(ask.world) if callable(ask.row.sent) else ask.row.sent
    return {name: str(value) for name, value in (sent or {}).items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is kept of refusals only."""

    ask: Ask
    status: int
    text: str


@dataclass(slots=True)
class Walk:
    """All that one person can read: the answers, what was wrong with them, and what they told."""

    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    markers: set[Marker] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)


@cache
def walk(name: str) -> Walk:
    """Read once, for all tests here."""
    world = world_now()
    found = Walk()
    for ask in asks(world.people[name], world):
        if ask.row.verb == "GET":
            _read(ask, found)
    return found


def _read(ask: Ask, found: Walk) -> None:
    """The page, the fragments that htmx asks for, and HEAD: the same status for all of them."""
    response = send(ask)
    status, text = response.status_code, answers.spoken(response)
    found.wrong += _wrong(ask, response)
    if status == 200:
        found.markers |= {one for one in world_now().markers if one.text in text.lower()}
        found.numbers |= {number for number, _ in numbers(text)}
        found.scores |= {score for score in world_now().scores if score in text}
    found.answers.append(Answer(ask, status, "" if status == 200 else answers.body(response)))
    if ask.person.name not in THOROUGH:
        return
    for headers in _ways(ask.row):
        other = send(ask, headers=headers)
        if other.status_code != status:
            found.wrong.append(f"{ask} for htmx: {other.status_code}, and {status} as a page")
        found.wrong += [f"{ask} for htmx: {one}" for one in told(ask, other)]
    if ask.query == ask.row.query[0]:
        found.wrong += _by_head(ask, status)


def _by_head(ask: Ask, status: int) -> list[str]:
    """Not every page knows HEAD; what it says is what GET says, or that."""
    head = ask.person.client.head(ask.path)
    wrong = [f"{ask} by HEAD: {one}" for one in told(ask, head)]
    if head.status_code not in (status, 405) or head.getvalue():
        wrong.append(f"{ask} by HEAD: {head.status_code}, and {status} by GET")
    return wrong


def _ways(row: Row) -> Iterator[dict[str, str]]:
    for target in row.targets:
        yield {"HX-Request": "true", "HX-Target": target}


def _wrong(ask, response):
    statuses = expected(ask)
    found = [f"{ask}: {text}" for text in told(ask, response)]
    if response.status_code not in statuses:
        found.append(
            f"{ask}: {response.status_code}, expected {statuses} ({ask.zone or 'no thing'})"
        )
    return found


# -- every address has a row -------------------------------------------------------------------------


def test_every_address_has_a_row():
    """Add one in tests/guards/matrix/, in the file of its subject."""
    known = {row.name for row in matrix.ROWS}
    missing = sorted({name for name, _ in patterns()} - known)
    assert not missing, (
        f"No row of the leak matrix for {', '.join(missing)}. Add one for each to the file of its subject"
        " in tests/guards/matrix/: who may ask for it, and what its address names (see matrix.Row)."
    )
    assert not known - {name for name, _ in patterns()}, "a row names an address that is gone"


def test_every_role_and_every_right_of_a_token_is_tried(world):
    assert {*ROLES, *TOKENS} == set(world.people)
    held = frozenset[str]().union(*(one.rights for one in world.people.values()))
    assert held == {right.code for right in roles.RIGHTS}


def test_what_is_open_to_everybody_is_the_same_here_and_in_the_guard_of_addresses():
    assert {row.name for row in matrix.ROWS if row.door == matrix.OPEN} == set(OPEN_ADDRESSES)


# -- reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ROLES, *TOKENS])
def test_nobody_is_told_what_is_not_theirs(name):
    wrong = walk(name).wrong
    assert not wrong, "\n".join(wrong[:MOST])


def test_what_is_kept_from_some_is_told_to_others(world):
    """Without this the test above would prove nothing."""
    walks = [walk(name) for name in ROLES]
    told_of = set[Marker]().union(*(one.markers for one in walks))
    assert set(world.markers) - told_of == set()
    abroad = COUNTS["foreign"] + COUNTS["foreign lab"]
    everything = sum(COUNTS.values())
    assert {COUNTS["foreign"], abroad, COUNTS["ou"], everything} <= walk("engineer").numbers
    assert COUNTS["ou"] in walk("OU reader").numbers
    assert set(world.scores) - walk("engineer").scores == set()


def _ids(ask: Ask) -> list[str]:
    """What the address names, where it would not be taken for a word of the answer."""
    ids = [text for text in map(str, ask.args) if len(text) > 3]
    return [text for text in ids if any(sign.isdigit() for sign in text)]


@pytest.mark.parametrize("name", ["team member", "OU reader", "stranger", "auditor"])
def test_what_is_not_for_somebody_answers_like_what_is_not_there(name):
    """Who tries numbers learns nothing: the same status and the same words."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for answer in walk(name).answers:
        ask = answer.ask
        if not ask.row.of or answer.status not in (403, 404):
            continue
        text = answers.without(answer.text, ask.path, ask.path.partition("?")[0], *_ids(ask))
        found.setdefault((ask.row.name, ask.query), {})[f"{answer.status} {text}"] = ask.path
    assert {key: list(said.values()) for key, said in found.items() if len(said) > 1} == {}


@pytest.mark.parametrize("kind", ["CSV", "PDF"])
def test_a_report_holds_what_its_reader_sees(world, kind):
    for name, ou_id, is_told in (
        ("OU reader", "ou-ab12-harbour1", False),
        ("engineer", "r-ab12", True),
    ):
        person = world.people[name]
        with undone(person.client):
            person.client.post(reverse("posture:report_ask", args=[ou_id]), {"format": kind})
            report = Report.objects.filter(requested_by=person.user).latest("pk")
            assert reports.make_report(report.pk, now=NOW) == "DONE"
            answer = person.client.get(reverse("posture:report_file", args=[report.pk]))
            text = answers.spoken(answer)
            assert world.told(person, text) == []
            assert ("zanzi" in text.lower()) == is_told


# -- changing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ROLES, *TOKENS])
def test_who_may_not_change_something_changes_nothing(name, world):
    person = world.people[name]
    before, wrong = _tables(), []
    for ask in asks(person, world):
        if ask.row.verb == "GET":
            continue
        counted = _writes()
        with undone(person.client):
            response = send(ask)
            wrong += _wrong(ask, response)
            is_refused = response.status_code in (401, 403, 404) or person.is_anonymous
            if is_refused and ask.row.door != matrix.OPEN and (more := _more(counted)):
                wrong.append(f"{ask}: {response.status_code}, and yet it wrote to {more}")
    assert not wrong, "\n".join(wrong[:MOST])
    assert _tables() == before


@pytest.mark.parametrize("name", ["lead", "administrator", "anonymous"])
def test_what_is_only_read_is_changed_by_no_method(name, world):
    """And an address that does change something has a row that says who may."""
    person, wrong = world.people[name], []
    changing = {(row.name, row.verb) for row in matrix.ROWS if row.verb != "GET"}
    for path, row_name in _paths(world):
        counted = _writes()
        with undone(person.client):
            for method in UNSAFE:
                if (row_name, method) not in changing:
                    status = person.client.generic(method, path).status_code
                    # Who has no session is led to the door.
                    if status not in (401, 403, 404, 405, 302 if person.is_anonymous else 405):
                        wrong.append(
                            f"{method} {path} answers {status}: add a row for it to"
                            " tests/guards/matrix/, with what is sent and who may"
                        )
            if more := _more(counted):
                wrong.append(f"{path} as {name}: a method that it does not know wrote to {more}")
    assert not wrong, "\n".join(wrong[:MOST])


def _paths(world: World) -> Iterator[tuple[str, str]]:
    """One address for each name."""
    done = set()
    for row in matrix.ROWS:
        if row.name not in done:
            done.add(row.name)
            _, args = world.things[row.of][0] if row.of else ("", ())
            yield reverse(row.name, args=args), row.name


@pytest.mark.parametrize("name", ["lead", "administrator", "team member"])
def test_nothing_is_changed_without_the_token_of_the_form(name, world):
    person = world.people[name]
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    wrong = []
    for ask in asks(person, world):
        if ask.row.verb == "GET":
            continue
        counted = _writes()
        client.cookies = SimpleCookie({"sessionid": person.client.cookies["sessionid"].value})
        with undone(client):
            status = send(ask, client=client).status_code
            if status not in (403, 404) or _more(counted):
                wrong.append(f"{ask} without a token: {status}, wrote to {_more(counted)}")
    assert not wrong, "\n".join(wrong[:MOST])


class undone:
    """What happens within is taken back, signing out too."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self):
        self._kept = SimpleCookie({key: one.value for key, one in self._client.cookies.items()})
        self._block = transaction.atomic()
        self._block.__enter__()

    def __exit__(self, kind, value, trace):
        if kind is None:
            transaction.set_rollback(True)
        self._block.__exit__(kind, value, trace)
        self._client.cookies = self._kept


def _writes() -> dict[str, int]:
    """Rows written to each table by this transaction so far, also those taken back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE NOT relname = ANY(%s)",
            [list(_OF_THE_SESSION)],
        )
        return dict(cursor.fetchall())


def _more(before: dict[str, int]) -> list[str]:
    return sorted(name for name, rows in _writes().items() if rows > before.get(name, 0))


def _tables() -> dict[str, str]:
    """A hash of all rows of each table."""
    names = [
        name
        for name in connection.introspection.table_names()
        if name not in _OF_THE_SESSION and not name.startswith("django_")
    ]
    found = {}
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f'SELECT sum(hashtextextended(t::text, 0)) FROM "{name}" t')
            found[name] = str(cursor.fetchone()[0])
    return found
