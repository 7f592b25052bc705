"""Strangers add plugins: as a file, as the documentation tells; as an installed package; and the list shows them."""

import hashlib
import hmac
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.plugins.webhook.delivery import signature
from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.paths import ROOT
from tests.support.receivers import SidecarProcess, until

PAID = {"chattrail.premium.action": "paid", "chattrail.premium.amount": 250.0, "chattrail.premium.currency": "XTR"}


def blocks(page: str, language: str = "python") -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def sidecar(*arguments: str, path: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m sidecar …` to its end, with `path` on Python's path beside the repository."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
    given = {f"CHATTRAIL_SIDECAR_{name}": value for name, value in settings.items()}
    if path is not None:
        given["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        cwd=ROOT,
        env=plain | given,
        capture_output=True,
        text=True,
        timeout=60,
    )


async def post(url: str, *records: LogRecord) -> int:
    async with aiohttp.ClientSession() as session:
        headers = {"Content-Type": PROTOBUF}
        async with session.post(f"{url}/v1/logs", data=otlp.request(*records), headers=headers) as answer:
            return answer.status


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """The folder with the plugin and the test that docs/writing-plugins.md shows."""
    plugin, test = blocks("writing-plugins.md")
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "payments.py").write_text(plugin, encoding="utf-8")
    (tmp_path / "test_payments.py").write_text(test, encoding="utf-8")
    return folder


def test_the_documented_plugin_is_short_and_keeps_the_contract(documented: Path, tmp_path: Path) -> None:
    code = [line for line in (documented / "payments.py").read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) <= 45
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(documented)])}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-W",
        "error",
        "test_payments.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout


async def test_the_documented_plugin_runs_from_its_file(documented: Path, tmp_path: Path) -> None:
    settings = {"PLUGINS": "debug,payments", "DATA": str(tmp_path / "data"), "PAYMENTS_FILE": "paid.csv"}
    file = tmp_path / "data" / "payments" / "paid.csv"
    paid = otlp.event("premium_action", user="7", event_id="e-1", attributes=PAID)
    with SidecarProcess(["--plugins-dir", str(documented)], **settings) as process:
        url = await process.ready()
        assert (
            await post(url, paid, otlp.event("premium_action", attributes={"chattrail.premium.action": "offered"}))
            == 200
        )
        assert await post(url, paid, otlp.event("premium_action", user="8", event_id="e-2", attributes=PAID)) == 200
        await until(lambda: file.exists() and file.read_text().count("\n") == 2)
        assert process.end() == 0
    assert file.read_text().splitlines() == ["e-1,7,250.0,XTR", "e-2,8,250.0,XTR"]


def test_a_folder_of_plugins_is_listed_and_what_is_broken_in_it_named(documented: Path) -> None:
    (documented / "broken.py").write_text("import no_such_module_anywhere\n", encoding="utf-8")
    (documented / "_helper.py").write_text("raise SystemExit\n", encoding="utf-8")
    done = sidecar("--plugins-dir", str(documented), "plugins", PLUGINS="payments", PAYMENTS_FILE="p.csv")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"payments: loaded; optional, never holds back the answer; {documented / 'payments.py'}")
    assert lines[1].startswith("  CHATTRAIL_SIDECAR_PAYMENTS_FILE=p.csv  (environment)  Name of the file")
    assert any(line.startswith("broken: not loaded, and could not be: ") and "no_such_module" in line for line in lines)
    assert "_helper" not in done.stdout
    chosen = sidecar("--plugins-dir", str(documented), "plugins", PLUGINS="broken")
    assert (chosen.returncode, "plugin broken: " in chosen.stderr) == (1, True)


@pytest.mark.parametrize(
    ("file", "content", "code", "message"),
    [
        ("debug.py", "", 2, "debug.py bears the name of another plugin"),
        ("mine.py", "", 1, "can't be imported: module .* has no attribute 'FACTORY'"),
        ("mine.py", "FACTORY = 1", 1, "is a int, not a sidecar.plugin.Factory"),
        ("mine.py", "def broken(", 1, "can't be imported: SyntaxError"),
        ("mine.py", "from sidecar.plugins.debug import FACTORY", 1, "its Factory is named 'debug'"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, file: str, content: str, code: int, message: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    done = sidecar("run", PLUGINS=file.removesuffix(".py"), PLUGINS_DIR=str(tmp_path))
    assert done.returncode == code
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = sidecar("--plugins-dir", str(tmp_path / "nowhere"), "plugins")
    assert (done.returncode, "there is no folder" in done.stderr) == (2, True)


def test_the_list_masks_secrets() -> None:
    done = sidecar(
        "plugins",
        PLUGINS="clickhouse,webhook,telegram_alerts",
        CLICKHOUSE_URL="http://default:canary@127.0.0.1:1/chattrail",
        WEBHOOK_URL="https://canary.example/hook",
        WEBHOOK_SECRET="canary canary canary",
        TELEGRAM_ALERTS_TOKEN="42:canary",
        TELEGRAM_ALERTS_CHAT_ID="-100",
    )
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert "CHATTRAIL_SIDECAR_WEBHOOK_SECRET=********" in done.stdout
    assert "CHATTRAIL_SIDECAR_TELEGRAM_ALERTS_CHAT_ID=-100" in done.stdout
    assert "CHATTRAIL_SIDECAR_WEBHOOK_ALLOW_HTTP=false" in done.stdout
    assert "images: not loaded; required" in done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the sample package was installed as a stranger would, without a network."""
    folder = tmp_path_factory.mktemp("sample")
    source = shutil.copytree(Path(__file__).parent / "sample_plugin", folder / "source")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
               "--no-deps", "--no-build-isolation", "--target", str(folder / "site"), str(source)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_an_installed_package_adds_a_plugin(installed: Path) -> None:
    done = sidecar("plugins", path=installed, PLUGINS="headcount", HEADCOUNT_SALT="canary", HEADCOUNT_BOTS="2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "headcount: loaded; optional, never holds back the answer; installed by chattrail-sample 1.2.3",
        "  CHATTRAIL_SIDECAR_HEADCOUNT_BOTS=2  (environment)  People to leave out, being bots.",
        "  CHATTRAIL_SIDECAR_HEADCOUNT_SALT=********  (environment)  A secret, to see that it stays one.",
    ]
    assert "headcount" not in sidecar("plugins", PLUGINS="debug").stdout, "negative control: not installed, not listed"


async def test_an_installed_package_gets_events(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    with SidecarProcess(PLUGINS="debug,headcount", DATA=str(tmp_path)) as process:
        url = await process.ready()
        assert await post(url, *(otlp.event("command", user=str(number)) for number in (1, 2, 2, 3))) == 200
        file = tmp_path / "headcount" / "people.txt"
        await until(lambda: file.exists() and file.read_text() == "3")
        assert process.end() == 0


def test_the_documented_check_of_a_signature() -> None:
    (source,) = blocks("plugins.md")
    spec = importlib.util.spec_from_loader("documented_check", loader=None)
    assert spec is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    exec(source, vars(module))  # the documentation's own code
    body, header = b'{"events":[]}', signature("a secret", 1000, b'{"events":[]}')
    assert header == f"t=1000,v1={hmac.new(b'a secret', b'1000.' + body, hashlib.sha256).hexdigest()}"
    assert module.is_genuine("a secret", header, body, 1100)
    for wrong in (("other", header, body, 1100), ("a secret", header, body + b" ", 1100), ("a secret", header, body, 1400),
                  ("a secret", header.replace("t=1000", "t=1001"), body, 1100), ("a secret", "", body, 1100)):  # fmt: skip
        assert not module.is_genuine(*wrong)


def test_the_documented_list_is_the_registrys() -> None:
    from sidecar.registry import BUILTINS, choose

    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", page, re.MULTILINE))
    assert rows == {name: "yes" if choose([name])[0].required else "no" for name in BUILTINS}
