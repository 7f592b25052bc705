#!/usr/bin/env bash
# `import chdb` alone starts an engine in memory, and that engine takes a file config.xml of the working directory as its
# server configuration.
#
# So the limits of a program depend on the folder it is started from, before it calls anything: going to another folder
# between import and the first query changes nothing. chDB is used as a library; nothing in the program names that file.
#
# Seen with chdb-core 26.9.0 (https://pypi.org/project/chdb-core/), engine 26.9.2.1, Python 3.11, Linux:
#   in an empty folder:          max_server_memory_usage = 22748851814 (this follows the machine's memory)
#   beside the given config.xml: max_server_memory_usage = 123456789
#
# Exits 0 when this is seen, 1 when it behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0

mkdir "$folder/empty" "$folder/beside"
echo '<clickhouse><max_server_memory_usage>123456789</max_server_memory_usage></clickhouse>' > "$folder/beside/config.xml"
cat > "$folder/ask.py" <<'PYTHON'
import os

import chdb

os.chdir("/")  # the configuration was read before
print(chdb.query("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'", "TabSeparated"), end="")
PYTHON

empty=$(cd "$folder/empty" && "$folder/venv/bin/python" "$folder/ask.py")
beside=$(cd "$folder/beside" && "$folder/venv/bin/python" "$folder/ask.py")
echo "in an empty folder:          max_server_memory_usage = $empty"
echo "beside the given config.xml: max_server_memory_usage = $beside"
[ "$empty" != 123456789 ] && [ "$beside" = 123456789 ]
