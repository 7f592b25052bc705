"""The generated pages say what the code says."""

import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest

from chattrail.events import EVENT_TYPES, attributes_of
from tests.support.paths import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["events.md", "settings.md"])
def test_a_page_is_up_to_date(generate: ModuleType, name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert text == generate.PAGES[name](), "run python docs/generate.py"


def test_events_are_all_there(generate: ModuleType) -> None:
    page = generate.events()
    for name, event in EVENT_TYPES.items():
        section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        for field, attribute in attributes_of(event).items():
            assert f"| `{field}` | `{attribute.name}` |" in section


def test_every_setting_is_described(generate: ModuleType) -> None:
    page = generate.settings()
    for model in generate.all_settings():
        for variable, field in zip(model.variables(), model.model_fields.values(), strict=True):
            assert f"| `{variable}` |" in page
            assert field.description, f"{variable} has no description"


def test_no_settings_are_forgotten(generate: ModuleType) -> None:
    root = DOCS.parent
    parts = ("bot", "chattrail", "collector", "sidecar", "web")
    declaring = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for part in parts
        for path in (root / part).rglob("*.py")
        if 'prefix: ClassVar[str] = "' in path.read_text(encoding="utf-8")
    }
    assert declaring - set(generate.SETTINGS_MODULES) == set(), "add them to SETTINGS_MODULES of docs/generate.py"


def test_the_command_checks() -> None:
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
