"""The wheel, built and installed into an empty environment: the library, its types, its licence, and nothing else."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.python_environments import create, run_uv

BOT = """
from aiogram import Bot, Dispatcher
from chattrail import create_tracker
from chattrail.aiogram import instrument

dispatcher, bot = Dispatcher(), Bot("42:TEST")
instrument(dispatcher, bot, create_tracker("my-bot"))
"""
PACKAGES = {
    "PIL": "pillow",
    "aiogram": "aiogram",
    "grpc": "opentelemetry-exporter-otlp",
    "httpx": "httpx",
    "pydantic": "pydantic",
    "requests": "requests",
    "telebot": "pytelegrambotapi",
    "telegram": "python-telegram-bot",
}


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    assert done.returncode == 0, done.stderr
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel and no extra, as the lock has its dependencies."""
    python = create(tmp_path_factory.mktemp("plain") / "environment")
    install(python, str(wheel))
    return python


@pytest.fixture(scope="module")
def with_aiogram(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = create(tmp_path_factory.mktemp("aiogram") / "environment")
    install(python, f"chattrail[aiogram] @ {wheel.as_uri()}")
    return python


def install(python: Path, what: str) -> None:
    run_uv("pip", "install", "--quiet", "--python", str(python), "--constraint", str(ROOT / "requirements.lock"), what)


def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    (info,) = {name.split("/")[0] for name in names} - {"chattrail"}
    assert info.endswith(".dist-info")
    assert "chattrail/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert f"{info}/entry_points.txt" not in names
    checkout = {str(file.relative_to(ROOT)) for file in (ROOT / "chattrail").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == checkout


def test_an_installation_adds_the_library_alone(plain: Path) -> None:
    listing = (
        "import chattrail, pathlib; print(*(p.name for p in pathlib.Path(chattrail.__file__).parents[1].iterdir()))"
    )
    done = run(plain, "-I", "-c", listing, folder=plain.parent)
    assert done.returncode == 0, done.stderr
    names = set(done.stdout.split())
    assert "chattrail" in names
    assert not names & {"bot", "collector", "common", "sidecar", "stack", "tests", "web", "grpc", "aiogram"}


def test_the_library_needs_what_it_imports_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        metadata = next(file.read(name).decode() for name in file.namelist() if name.endswith("/METADATA"))
    needed = set(re.findall(r"(?m)^Requires-Dist: ([\w-]+)", metadata))
    imported = {name for file in (ROOT / "chattrail").rglob("*.py") for name in imports(ast.parse(file.read_text()))}
    outside = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names | {"chattrail"}}
    assert {package_of(name) for name in outside} == needed


def imports(tree: ast.Module) -> set[str]:
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def package_of(module: str) -> str:
    for start, package in {
        "opentelemetry.sdk": "opentelemetry-sdk",
        "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry.exporter.otlp.proto.grpc": "opentelemetry-exporter-otlp",
        "opentelemetry": "opentelemetry-api",
        **PACKAGES,
    }.items():
        if module == start or module.startswith(f"{start}."):
            return package
    raise AssertionError(f"{module} is of no package that pyproject.toml names")


def test_private_names_of_opentelemetry_are_in_one_file() -> None:
    using = {
        file.name
        for file in (ROOT / "chattrail").rglob("*.py")
        for name in imports(ast.parse(file.read_text()))
        if name.startswith("opentelemetry.") and "._" in name
    }
    assert using == {"otel.py"}


def test_without_extras_a_tracker_works_and_names_the_extra_of_grpc(plain: Path) -> None:
    script = (
        "from chattrail import create_tracker\ncreate_tracker('bot').shutdown()\ncreate_tracker('bot', protocol='grpc')"
    )
    done = run(plain, "-I", "-c", script, folder=plain.parent)
    assert done.stderr.splitlines()[-1] == "ValueError: protocol is 'grpc', which needs pip install 'chattrail[grpc]'"


@pytest.mark.parametrize(
    ("integration", "needs"),
    [
        ("aiogram", "chattrail.aiogram needs aiogram 3.4 or newer: pip install 'chattrail[aiogram]'"),
        ("ptb", "chattrail.ptb needs python-telegram-bot 21 or newer: pip install 'chattrail[ptb]'"),
        ("telebot", "chattrail.telebot needs pyTelegramBotAPI 4.20 or newer: pip install 'chattrail[telebot]'"),
    ],
)
def test_an_integration_without_its_framework_names_the_extra(plain: Path, integration: str, needs: str) -> None:
    done = run(plain, "-I", "-c", f"import chattrail.{integration}", folder=plain.parent)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, f"ImportError: {needs}")


def test_without_its_extra_owner_router_names_it(with_aiogram: Path) -> None:
    script = "from chattrail.aiogram import owner_router\nowner_router([1], token='t')"
    done = run(with_aiogram, "-I", "-c", script, folder=with_aiogram.parent)
    needs = "RuntimeError: owner_router needs PIL: pip install 'chattrail[aiogram,owner]'"
    assert done.stderr.splitlines()[-1] == needs


def test_a_bot_is_typed_strictly(with_aiogram: Path, tmp_path: Path) -> None:
    assert run(with_aiogram, "-I", "-c", "import chattrail, chattrail.aiogram", folder=tmp_path).returncode == 0
    (tmp_path / "right.py").write_text(BOT)
    (tmp_path / "wrong.py").write_text(BOT.replace('"my-bot"', "5"))
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", with_aiogram)
    done = run(*mypy, "right.py", "wrong.py", folder=tmp_path)
    (error, summary) = done.stdout.splitlines()
    assert error.startswith("wrong.py:")
    assert 'incompatible type "int"; expected "str"' in error, "negative control: the types of the library are read"
    assert summary == "Found 1 error in 1 file (checked 2 source files)"


@pytest.mark.parametrize("is_package", [False, True], ids=["without __init__.py", "with __init__.py"])
def test_a_bots_own_folder_named_bot_is_its_own(is_package: bool, with_aiogram: Path, tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "db.py").write_text("NAME = 'db of the bot'\n")
    if is_package:
        (tmp_path / "bot" / "__init__.py").touch()
    (tmp_path / "main.py").write_text(f"{BOT}\nfrom bot.db import NAME\nprint(NAME)\n")
    done = run(with_aiogram, "main.py", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "db of the bot\n"), done.stderr


def test_an_author_of_plugins_imports_the_sidecar_from_any_folder(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", "import sidecar.plugin, sidecar.testing", folder=tmp_path)
    assert done.returncode == 0, done.stderr
