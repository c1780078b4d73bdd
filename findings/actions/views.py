"""What a person keeps of the findings list: saved views and the choice of columns."""

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from findings.models import ColumnChoice, SavedView
from findings.queries import columns


class NameTaken(ValueError):
    """The person has a view of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"You have a view called “{name}” already. Choose another name, or delete that one."
        )


def save_view(user: User, *, name: str, query: str, is_shared: bool, now: datetime) -> SavedView:
    """Keeps a query string under a name.

    :raises NameTaken: when the person has a view of this name.
    """
    try:
        with transaction.atomic():
            return SavedView.objects.create(
                owner=user, name=name, query=query, is_shared=is_shared, created_at=now
            )
    except IntegrityError as e:
        raise NameTaken(name) from e


def change_view(view: SavedView, *, name: str, is_shared: bool) -> None:
    """Renames a view, and shares it or no longer.

    :raises NameTaken: when its owner has another view of this name.
    """
    view.name, view.is_shared = name, is_shared
    try:
        with transaction.atomic():
            view.save(update_fields=["name", "is_shared"])
    except IntegrityError as e:
        raise NameTaken(name) from e


def choose_columns(user: User, names: Collection[str]) -> None:
    """Remembers which columns the person wants to see; unknown names are left out."""
    wanted = [column.name for column in columns.COLUMNS if column.name in names]
    ColumnChoice.objects.update_or_create(user=user, defaults={"columns": wanted})
