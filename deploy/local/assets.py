"""Whether the static files have to be made again."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

# Everything that goes into static/build/ and staticfiles/.
INPUTS = ("requirements.lock", "posture/assets.py", "posture/settings.py", "templates", "static")
MADE = "static/build"
# The last file that collectstatic writes.
MANIFEST = "staticfiles/staticfiles.json"


class Stamp:
    """Remembers in a file what the static files were made from."""

    def __init__(self, root: Path, file: Path) -> None:
        self._root = root
        self._file = file

    def is_current(self) -> bool:
        if not (self._root / MANIFEST).is_file() or not self._file.is_file():
            return False
        return self._file.read_text(encoding="ascii") == self._digest()

    def renew(self) -> None:
        self._file.write_text(self._digest(), encoding="ascii")

    def _digest(self) -> str:
        total = hashlib.sha256()
        for path in _files(self._root):
            total.update(f"{path.relative_to(self._root)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in INPUTS:
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_relative_to(root / MADE):
                yield path
