"""Everything that is stored sealed, and writing it anew under the newest key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.db import transaction

from posture.models import NotificationChannel, Webhook
from posture.policies import sealing

# What allauth seals by the adapter: an authenticator app's secret, and what recovery codes are made of.
_FACTOR_FIELDS: Final = ("secret", "seed")
_OLD_CODES: Final = "migrated_codes"
_WEBHOOK_FIELDS: Final = ("address", "secret", "previous_secret")


@dataclass(frozen=True, slots=True)
class Resealed:
    """`unreadable` names the rows that no key opens; they are left as they are."""

    written: int
    kept: int
    unreadable: tuple[str, ...]


def reseal() -> Resealed:
    """Put every stored secret under the first key. Safe to run twice and at once."""
    written, kept, unreadable = 0, 0, []
    for name, model, pk, change in _rows():
        try:
            with transaction.atomic():
                # Somebody may be changing the very secret: then theirs is written first.
                is_written = change(model.objects.select_for_update().filter(pk=pk).first())
        except sealing.Unreadable:
            unreadable.append(name)
            continue
        written, kept = written + is_written, kept + (not is_written)
    return Resealed(written, kept, tuple(unreadable))


def reseal_factor(row: Authenticator | None) -> bool:
    """Seal the secrets of one second factor; whether anything was written."""
    if row is None:
        return False
    new: dict[str, Any] = {key: _anew(row.data[key]) for key in _FACTOR_FIELDS if row.data.get(key)}
    if row.data.get(_OLD_CODES):
        new[_OLD_CODES] = [_anew(code) for code in row.data[_OLD_CODES]]
    if all(row.data[key] == value for key, value in new.items()):
        return False
    row.data = row.data | new
    row.save(update_fields=["data"])
    return True


def _reseal_webhook(row: Webhook | None) -> bool:
    if row is None:
        return False
    texts = {name: getattr(row, name) for name in _WEBHOOK_FIELDS}
    new = {name: _anew(text) for name, text in texts.items() if text}
    changed = [name for name, text in new.items() if texts[name] != text]
    for name in changed:
        setattr(row, name, new[name])
    if changed:
        row.save(update_fields=changed)
    return bool(changed)


def _reseal_channel(row: NotificationChannel | None) -> bool:
    if row is None or sealing.is_newest(row.address):
        return False
    row.address = sealing.reseal(row.address)
    row.save(update_fields=["address"])
    return True


def _rows() -> Iterator[tuple[str, Any, int, Callable[[Any], bool]]]:
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        yield f"second factor {pk}", Authenticator, pk, reseal_factor
    for pk in Webhook.objects.order_by("pk").values_list("pk", flat=True):
        yield f"webhook {pk}", Webhook, pk, _reseal_webhook
    for pk in NotificationChannel.objects.order_by("pk").values_list("pk", flat=True):
        yield f"channel {pk}", NotificationChannel, pk, _reseal_channel


def _anew(text: str) -> str:
    return text if sealing.is_newest(text) else sealing.reseal(text)
