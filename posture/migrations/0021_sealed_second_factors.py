"""Seals the secrets of second factors that were stored before there was sealing."""

from django.db import migrations

from posture.policies import sealing

_FIELDS = ("secret", "seed")
_OLD_CODES = "migrated_codes"


def _each(apps, change):
    for row in apps.get_model("mfa", "Authenticator").objects.exclude(type="webauthn").iterator():
        data = {key: change(row.data[key]) for key in _FIELDS if row.data.get(key)}
        if row.data.get(_OLD_CODES):
            data[_OLD_CODES] = [change(code) for code in row.data[_OLD_CODES]]
        row.data = row.data | data
        row.save(update_fields=["data"])


def seal(apps, schema_editor):
    _each(apps, lambda text: text if sealing.is_sealed(text) else sealing.seal(text))


def unseal(apps, schema_editor):
    _each(apps, lambda text: sealing.unseal(text) if sealing.is_sealed(text) else text)


class Migration(migrations.Migration):
    dependencies = [("posture", "0020_finding_news"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(seal, unseal)]
