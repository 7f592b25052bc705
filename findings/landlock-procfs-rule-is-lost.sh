#!/usr/bin/env bash
# A Landlock rule that allows a file of /proc stops working while the process runs, when the kernel drops its cached
# directory entries (as it does when memory is short); the same rule works on when the process keeps the file open with
# O_PATH, and on files of /sys it works on without that.
#
# Landlock ties a rule to an inode and pins the inode, not the path. procfs makes a new inode when a dropped entry is looked
# up again, so the rule stays with one that no path leads to; sysfs finds the old one again. Permissions then depend on the
# cache: what was allowed is EACCES later, though nothing was changed.
#
# Seen with Linux 6.18 (Landlock ABI 7) and landlockpy 0.2.0 from PyPI:
#   before: {'/proc/meminfo': True, '/proc/version': True, '/sys/kernel/mm/transparent_hugepage/enabled': True}
#   after:  {'/proc/meminfo': True, '/proc/version': False, '/sys/kernel/mm/transparent_hugepage/enabled': True}
# (/proc/meminfo is kept open, the others are not)
#
# Needs root, because it asks the kernel to drop its caches. Exits 0 when this is seen, 1 when it behaves differently.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "run as root: the kernel's caches are dropped"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check landlockpy==0.2.0

cat > "$folder/rules.py" <<'PYTHON'
import os, sys
import landlockpy
from landlockpy import AccessFS, AccessNet

KEPT, LEFT, SYSFS = "/proc/meminfo", "/proc/version", "/sys/kernel/mm/transparent_hugepage"
os.open(KEPT, os.O_PATH)
with landlockpy.Ruleset(handled_net=AccessNet.NONE) as rules:
    rules.allow_path(KEPT, AccessFS.READ_FILE)
    rules.allow_path(LEFT, AccessFS.READ_FILE)
    rules.allow_path(SYSFS, AccessFS.READ_FILE | AccessFS.READ_DIR)
    rules.restrict()


def allowed(path):
    try:
        with open(path, "rb") as file:
            file.read(1)
        return True
    except PermissionError:
        return False


def look():
    return {path: allowed(path) for path in (KEPT, LEFT, SYSFS + "/enabled")}


before = look()
print("before:", before, flush=True)
sys.stdin.readline()
after = look()
print("after: ", after)
sys.exit(0 if all(before.values()) and list(after.values()) == [True, False, True] else 1)
PYTHON

mkfifo "$folder/go" "$folder/said"
"$folder/venv/bin/python" "$folder/rules.py" < "$folder/go" > "$folder/said" &
process=$!
exec 3> "$folder/go" 4< "$folder/said"
read -r line <&4; echo "$line"
sync
echo 2 > /proc/sys/vm/drop_caches
echo >&3
cat <&4
wait "$process"
