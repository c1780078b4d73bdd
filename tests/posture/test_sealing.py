"""Secrets that have to be read again are encrypted where they are stored, under keys that can change."""

import base64
import io

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from posture.actions import sealed
from posture.policies import sealing
from tests import factories

OLD, NEW = sealing.new_key(), sealing.new_key()


def test_a_sealed_text_comes_back_and_shows_nothing_of_itself(settings):
    settings.POSTURE_SEALING_KEYS = [NEW]
    kept = sealing.seal("JBSWY3DPEHPK3PXP é")
    assert kept.startswith("sealed:1:")
    assert "JBSWY3DPEHPK3PXP" not in kept
    assert sealing.unseal(kept) == "JBSWY3DPEHPK3PXP é"
    assert sealing.seal("same") != sealing.seal("same")


def test_a_changed_text_is_noticed(settings):
    settings.POSTURE_SEALING_KEYS = [NEW]
    token = bytearray(base64.urlsafe_b64decode(sealing.seal("x").removeprefix(sealing.PREFIX)))
    token[-1] ^= 1
    forged = sealing.PREFIX + base64.urlsafe_b64encode(bytes(token)).decode()
    with pytest.raises(sealing.Unreadable, match="POSTURE_SEALING_KEYS"):
        sealing.unseal(forged)


@pytest.mark.parametrize("text", ["", "JBSWY3DPEHPK3PXP", "sealed:1:", "sealed:1:nonsense"])
def test_what_was_never_sealed_is_not_unsealed(text):
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(text)


def test_the_first_key_seals_and_all_keys_unseal(settings):
    settings.POSTURE_SEALING_KEYS = [OLD]
    before = sealing.seal("secret")
    settings.POSTURE_SEALING_KEYS = [NEW, OLD]
    assert sealing.unseal(before) == "secret"
    assert not sealing.is_newest(before)
    after = sealing.reseal(before)
    assert sealing.is_newest(after)
    settings.POSTURE_SEALING_KEYS = [NEW]
    assert sealing.unseal(after) == "secret"
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(before)


def test_without_keys_the_secret_key_seals_and_setting_keys_later_loses_nothing(settings):
    settings.POSTURE_SEALING_KEYS = []
    before = sealing.seal("secret")
    settings.POSTURE_SEALING_KEYS = [NEW]
    assert sealing.unseal(before) == "secret"
    assert not sealing.is_newest(before)
    settings.SECRET_KEY = "another key of more than fifty characters, all of them new"
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(before)
    settings.SECRET_KEY_FALLBACKS = ["a key that only the tests have, of fifty characters and more"]
    assert sealing.unseal(before) == "secret"


@pytest.mark.parametrize(
    "key", ["", "short", "ü" * 44, base64.urlsafe_b64encode(b"x" * 31).decode()]
)
def test_a_bad_key_is_named_by_its_place_and_never_shown(settings, key):
    settings.POSTURE_SEALING_KEYS = [NEW, key]
    with pytest.raises(sealing.BadKey, match="key 2 of 2") as caught:
        sealing.seal("x")
    assert not key or key not in str(caught.value)


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator ORDER BY type")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
def test_a_second_factor_lies_sealed_in_the_database_and_works(settings):
    sam = factories.local_person()
    TOTP.activate(sam, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(sam).get_unused_codes()
    assert all("sealed:1:" in text and "JBSWY3DP" not in text for text in stored())
    row = Authenticator.objects.get(user=sam, type="recovery_codes")
    assert RecoveryCodes(row).get_unused_codes() == codes
    assert RecoveryCodes(row).validate_code(codes[0])


@pytest.mark.django_db
def test_reseal_writes_everything_under_the_newest_key_and_what_was_plain(settings):
    settings.POSTURE_SEALING_KEYS = [OLD]
    sam, eve = factories.local_person(), factories.local_person(username="eve")
    TOTP.activate(sam, "JBSWY3DPEHPK3PXP")
    plain = Authenticator.objects.create(user=eve, type="totp", data={"secret": "NB2W45DFOIZA"})
    settings.POSTURE_SEALING_KEYS = [NEW, OLD]
    out = io.StringIO()
    call_command("reseal", stdout=out)
    assert out.getvalue().startswith("2 sealed anew, 0 were under the newest key.")
    settings.POSTURE_SEALING_KEYS = [NEW]
    plain.refresh_from_db()
    assert sealing.unseal(plain.data["secret"]) == "NB2W45DFOIZA"
    assert sealed.reseal() == sealed.Resealed(written=0, kept=2, unreadable=())


@pytest.mark.django_db
def test_reseal_names_what_no_key_opens_and_leaves_it(settings):
    settings.POSTURE_SEALING_KEYS = [OLD]
    TOTP.activate(factories.local_person(), "JBSWY3DPEHPK3PXP")
    row = Authenticator.objects.get()
    settings.POSTURE_SEALING_KEYS = [NEW]
    with pytest.raises(CommandError, match=f"No key opens second factor {row.pk}"):
        call_command("reseal", stdout=io.StringIO())
    before = row.data
    row.refresh_from_db()
    assert row.data == before


def test_a_new_key_is_printed_and_good(settings):
    out = io.StringIO()
    call_command("reseal", "--new-key", stdout=out)
    settings.POSTURE_SEALING_KEYS = [out.getvalue().strip()]
    assert sealing.unseal(sealing.seal("x")) == "x"


@pytest.mark.django_db
def test_the_migration_seals_what_was_stored_before():
    sam = factories.local_person()
    Authenticator.objects.create(user=sam, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    Authenticator.objects.create(
        user=sam, type="recovery_codes", data={"migrated_codes": ["a1", "b2"], "used_mask": 0}
    )
    apps = MigrationExecutor(connection).loader.project_state().apps
    module = __import__(
        "posture.migrations.0021_sealed_second_factors", fromlist=["seal", "unseal"]
    )
    module.seal(apps, None)
    module.seal(apps, None)
    assert all("JBSWY3DP" not in text and '"a1"' not in text for text in stored())
    codes = Authenticator.objects.get(type="recovery_codes").data["migrated_codes"]
    assert [sealing.unseal(code) for code in codes] == ["a1", "b2"]
    module.unseal(apps, None)
    assert Authenticator.objects.get(type="totp").data == {"secret": "JBSWY3DPEHPK3PXP"}
