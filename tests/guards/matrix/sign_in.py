"""The door, and what people see of their own ways through it.

Everybody here comes by an identity provider, which looks after passwords and passkeys: those pages
lead away.
"""

from allauth.usersessions.models import UserSession

from tests.guards.matrix.row import OPEN, Row

# 429: who asks so often has to wait.
_AT_THE_DOOR = (200, 302, 422, 429)


def furnish(world):
    for name in ("engineer", "team member"):
        person = world.people[name]
        row = UserSession.objects.create(
            user=person.user,
            session_key=person.client.session.session_key,
            ip="192.0.2.7",
            user_agent=f"machine of the {name}",
        )
        world.marker(person.own, f"machine of the {name}")
        world.thing("session", **{person.own: row.pk})
    world.thing("session", none=1)
    world.thing("passkey", none=1)
    world.thing("password key", all=("1", "c0ffee-0123456789abcdef"))


def _of_the_provider(name: str, *, of: str = "") -> tuple[Row, ...]:
    """Pages of local people: others are led to the page of their own sign-in."""
    return (
        Row(name, of=of, allowed=302, hidden=302, targets=()),
        Row(name, of=of, sent={}, allowed=302, hidden=302),
    )


ROWS: tuple[Row, ...] = (
    Row("account_login", door=OPEN, why="the way in", allowed=(200, 302), targets=()),
    Row("account_login", door=OPEN, why="the way in", sent={}, allowed=(200, 302)),
    Row("account_logout", door=OPEN, why="the way out", allowed=(200, 302), targets=()),
    Row("account_logout", door=OPEN, why="the way out", sent={}, allowed=302),
    Row("mfa_authenticate", door=OPEN, why="the second step", allowed=302, targets=()),
    Row("mfa_authenticate", door=OPEN, why="the second step", sent={}, allowed=302),
    Row(
        "mfa_login_webauthn",
        door=OPEN,
        why="the way in by passkey",
        allowed=_AT_THE_DOOR,
        targets=(),
    ),
    Row(
        "mfa_login_webauthn", door=OPEN, why="the way in by passkey", sent={}, allowed=_AT_THE_DOOR
    ),
    Row("account_reset_password", door=OPEN, why="who forgot cannot sign in", targets=()),
    Row(
        "account_reset_password",
        door=OPEN,
        why="who forgot cannot sign in",
        sent={},
        allowed=_AT_THE_DOOR,
    ),
    Row("account_reset_password_done", door=OPEN, why="the same to everybody", targets=()),
    Row(
        "account_reset_password_from_key",
        of="password key",
        door=OPEN,
        why="the link of the mail",
        targets=(),
    ),
    Row(
        "account_reset_password_from_key",
        of="password key",
        door=OPEN,
        why="the link of the mail",
        sent={},
    ),
    Row("account_reset_password_from_key_done", door=OPEN, why="the same to everybody", targets=()),
    Row("mfa_index", targets=()),
    Row("posture:sessions", targets=()),
    Row("posture:sessions_end", sent={}, allowed=302),
    Row("posture:session_end", of="session", sent={}, allowed=302),
    *_of_the_provider("account_reauthenticate"),
    *_of_the_provider("mfa_reauthenticate"),
    *_of_the_provider("mfa_reauthenticate_webauthn"),
    *_of_the_provider("account_change_password"),
    *_of_the_provider("mfa_activate_totp"),
    *_of_the_provider("mfa_deactivate_totp"),
    *_of_the_provider("mfa_add_webauthn"),
    *_of_the_provider("mfa_list_webauthn"),
    *_of_the_provider("mfa_edit_webauthn", of="passkey"),
    *_of_the_provider("mfa_remove_webauthn", of="passkey"),
    *_of_the_provider("mfa_view_recovery_codes"),
    *_of_the_provider("mfa_generate_recovery_codes"),
)
