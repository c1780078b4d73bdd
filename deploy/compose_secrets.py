"""`make secrets`: the files that docker-compose.yml mounts as secrets. Needs nothing but Python.

Existing files are kept, so that it can be run again at any time. Files are readable by all inside a
folder that only its owner can enter: the containers' users are not the owner's.
"""

import base64
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "secrets"


def write_missing(folder: Path) -> list[str]:
    """Write the secrets that are not there yet and return their names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    written: list[str] = []

    def keep(name: str, value: str) -> str:
        path = folder / name
        if not path.exists():
            path.write_text(value + "\n", encoding="utf-8")
            path.chmod(0o444)
            written.append(name)
        return path.read_text(encoding="utf-8").strip()

    keep("secret_key", secrets.token_urlsafe(50))
    # 32 bytes, as `manage.py reseal --new-key` writes them.
    keep("sealing_keys", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    keep("external_id", secrets.token_urlsafe(24))
    postgres = keep("postgres_password", secrets.token_urlsafe(32))
    valkey = keep("valkey_password", secrets.token_urlsafe(32))
    keep("database_url", f"postgresql://parapet:{postgres}@postgres:5432/parapet")
    keep("redis_url", f"redis://:{valkey}@valkey:6379/0")
    return written


def main() -> int:
    names = write_missing(FOLDER)
    sys.stdout.write(f"Written: {', '.join(names)}.\n" if names else "All secrets are there.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
