"""`make env`: write .env for docker-compose.yml: .env.example with fresh secrets in it.

It needs the standard library alone, because a host that runs containers may have nothing else; without make:
`python3 -I stack/env_file.py` (-I, or this folder's secrets.py would hide the library's).
"""

import hashlib
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOKEN, HASH = "CHATTRAIL_BOT_WEB_TOKEN", "CHATTRAIL_WEB_API_TOKEN_HASHES"
# Random bytes of each; as text they need no quotes in an address, a header or a .env file.
MADE = {
    "CHATTRAIL_COLLECTOR_TOKEN": 32,
    "CHATTRAIL_SIDECAR_TOKEN": 32,
    "CLICKHOUSE_SIDECAR_PASSWORD": 24,
    "CLICKHOUSE_WEB_PASSWORD": 24,
    "CLICKHOUSE_SAVING_PASSWORD": 24,
    "CLICKHOUSE_GRAFANA_PASSWORD": 24,
    "CHATTRAIL_WEB_SECRET_KEY": 48,
    "GRAFANA_ADMIN_PASSWORD": 18,
    TOKEN: 32,
}


def fill(example: str) -> str:
    """Give every secret that is empty in the example a value of its own; everything else stays as it is."""
    values = {name: secrets.token_urlsafe(size) for name, size in MADE.items()}
    values[HASH] = hashlib.sha256(values[TOKEN].encode()).hexdigest()
    lines = example.splitlines()
    missing = set(values) - {line.removesuffix("=") for line in lines}
    if missing:
        raise ValueError(f".env.example has no empty line for {', '.join(sorted(missing))}")
    return "".join(f"{line}{values.get(line.removesuffix('='), '') if line.endswith('=') else ''}\n" for line in lines)


def main(folder: Path = ROOT) -> int:
    """Write the file, for its owner's eyes only; never over one that is there."""
    target = folder / ".env"
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{target} is there already and keeps its secrets; move it away to have new ones made.\n")
        return 1
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(fill((folder / ".env.example").read_text(encoding="utf-8")))
    sys.stdout.write(f"wrote {target}; now set BOT_TOKEN in it, then: docker compose up --build --detach\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
