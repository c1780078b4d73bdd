"""Uploads that go straight into the folder where a worker will read them."""

import os
import secrets
from io import BufferedWriter
from pathlib import Path
from typing import Any, NoReturn

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest


class StoredUpload(UploadedFile):  # type: ignore[type-arg] # generic in the stubs only
    """A file that lies in the folder of the uploads under a name that nobody can guess."""

    def __init__(self, *, path: Path, name: str, size: int) -> None:
        super().__init__(file=None, name=name, size=size)
        self.path = path

    @property
    def stored_as(self) -> str:
        return self.path.name

    def close(self) -> None:
        """Nothing is open: the handler has closed what it wrote."""


class StoringHandler(FileUploadHandler):
    """Writes every file of a request to the folder, readable by this user alone.

    A file that is too large, or that the disk does not hold, is passed over, and `problems` says so.
    """

    def __init__(self, request: HttpRequest, *, folder: Path, max_bytes: int) -> None:
        super().__init__(request)
        self._folder, self._max_bytes = folder, max_bytes
        self._path: Path | None = None
        self._stream: BufferedWriter | None = None
        self._stored: list[Path] = []
        self.problems: list[str] = []

    # The arguments are Django's own, and passed on.
    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        path = self._folder / secrets.token_hex(16)
        self._path = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as e:
            self._pass_over(f"cannot be stored ({e.strerror}): look at POSTURE_UPLOAD_DIR", e)
        self._path = path
        self._stored.append(path)
        self._stream = os.fdopen(number, "wb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > self._max_bytes:
            self._pass_over(
                f"is larger than {self._max_bytes >> 20} MB: pack it with gzip, use "
                "manage.py import_findings, or raise POSTURE_UPLOAD_MAX_MB"
            )
        assert self._stream is not None
        try:
            self._stream.write(raw_data)
        except OSError as e:
            self._pass_over(f"cannot be stored ({e.strerror}): make room on the disk", e)

    def file_complete(self, file_size: int) -> StoredUpload:
        assert self._stream is not None
        assert self._path is not None
        self._stream.close()
        return StoredUpload(path=self._path, name=self.file_name or "upload", size=file_size)

    def upload_interrupted(self) -> None:
        self.discard(keep=())

    def discard(self, *, keep: tuple[str, ...]) -> None:
        """Delete what has been stored, but for the names to keep."""
        if self._stream is not None:
            self._stream.close()
        for path in self._stored:
            if path.name not in keep:
                path.unlink(missing_ok=True)

    def _pass_over(self, problem: str, cause: OSError | None = None) -> NoReturn:
        self.problems.append(f"{self.file_name or 'The file'} {problem}.")
        if self._stream is not None:
            self._stream.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        raise SkipFile from cause
