#!/usr/bin/env bash
# clickhouse-connect 1.12.0: inserting a list of rows loads pandas and numpy, when they are installed for something
# else.
#
# To import the driver loads neither (both are extras of the package, imported lazily). But to find out whether `data`
# is a data frame it asks `options.pd and isinstance(data, options.pd.DataFrame)`, and the attribute `pd` imports pandas
# when it is first read. So the first insert of plain lists takes some 50 MB and the time of that import in every
# process of an environment to which something else (a notebook, a report) brought pandas. Without pandas nothing
# happens.
#
# Source: InsertContext.data in clickhouse_connect/driver/insert.py; __getattr__ in
# clickhouse_connect/driver/options.py.
# Met in the sidecar, which says there are no data frames before it starts: sidecar/__main__.py.
#
# Output seen:
#   after the import of the driver: []
#   after making a client's insert of a list: ['numpy', 'pandas'], resident +52 MB
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check clickhouse-connect==1.12.0 pandas==2.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import clickhouse_connect
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext


def loaded():
    return sorted({"numpy", "pandas"} & sys.modules.keys())


def resident():
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * 4096 // 1_000_000


before, size = loaded(), resident()
print("after the import of the driver:", before)
InsertContext("t", ["a"], [get_from_name("String")], data=[["a plain row"]])
after = loaded()
print(f"after making a client's insert of a list: {after}, resident +{resident() - size} MB")
sys.exit(not (before == [] and after == ["numpy", "pandas"]))
PYTHON
