"""The web part as a process that signs links to images: its keys and its links are in no log, page, table or file."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, PASSWORD, SAME, running_web

STORES = {
    "cloudflare_images": {
        "cloudflare_account_hash": "ZWd9g1K7eljCn_KDTu_MWA",
        "cloudflare_signing_key": "CANARY-signing-key",
        "cloudflare_thumbnail_variant": "thumbnail",
    },
    "s3": {
        "s3_bucket": "pictures",
        "s3_endpoint": "http://127.0.0.1:9",
        "s3_access_key_id": "reader",
        "s3_secret_access_key": "CANARY-secret-key",
    },
}
SIGNATURE = {"cloudflare_images": "sig", "s3": "X-Amz-Signature"}


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("web-canaries")) as stage:
        yield stage


@pytest.mark.parametrize("store", STORES)
def test_keys_and_links_stay_where_they_belong(store: str, stage: WebStage, tmp_path: Path) -> None:
    key = "2cdc28f0-017a-49c4-9ed7-87056c83901f" if store == "cloudflare_images" else f"ab/cd/{'abcd' * 16}.jpg"
    good, wrong = stage.archived(store, key), stage.archived(store, "../../elsewhere")
    everywhere: dict[str, str] = {}
    with running_web(tmp_path, stage.readonly_url, **STORES[store]) as part, httpx.Client(base_url=part.url) as client:
        client.post("/login", data={"password": PASSWORD}, headers=SAME)
        links = [client.get(f"/images/{good}{size}").headers["Location"] for size in ("", "?size=thumbnail")]
        asked = [
            f"/images/{wrong}",
            f"/images/{good}?size=huge",
            "/analytics",
            "/analytics/users",
            "/healthz",
            "/nowhere",
        ]
        for address in asked:
            everywhere[address] = client.get(address).text
        everywhere["API"] = client.get("/api/analytics/stats", headers=BEARER).text
    everywhere["log"] = "".join(part.output)
    for file in tmp_path.rglob("*"):
        everywhere[str(file.relative_to(tmp_path))] = "" if file.is_dir() else file.read_bytes().decode("latin-1")
    tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'MaterializedView'"
    for (table,) in stage.client.query(tables).result_rows:
        everywhere[table] = str(stage.client.query(f"SELECT * FROM {table}").result_rows)
    signatures = [parse_qs(urlsplit(link).query)[SIGNATURE[store]][0] for link in links]
    assert {len(signature) for signature in signatures} == {64}
    secrets = [*signatures, "CANARY"]
    assert key in everywhere["images"]
    assert [(where, secret) for where, text in everywhere.items() for secret in secrets if secret in where + text] == []
