#!/usr/bin/env bash
# opentelemetry-instrumentation-openai-v2 2.4b0, installed by its own requirements beside openai 3.57.0, cannot be imported.
#
# Source: PyPI. Its metadata ask for opentelemetry-util-genai>=0.4b0.dev without an upper end, so that a resolver takes 1.3b0. But it
# imports opentelemetry.util.genai.instruments, which releases from 1.2b0 on do not have any more, and httpx, which it does not require
# and openai 3 does not bring (it uses httpx2). With opentelemetry-util-genai 1.1b0 and httpx it is imported, but an exception's
# error.type is then "<class 'openai.RateLimitError'>"; with 0.4b0 it is "RateLimitError".
#
# Seen on 2026-11-28, Python 3.11:
#   by its requirements:          ModuleNotFoundError: No module named 'httpx'
#   with httpx:                   ModuleNotFoundError: No module named 'opentelemetry.util.genai.instruments'
#   with httpx and util 0.4b0:    imported
# Exits non-zero when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
import() { "$folder/venv/bin/python" -c "import opentelemetry.instrumentation.openai_v2" 2>&1 | tail -1 || true; }

pip openai==3.57.0 opentelemetry-instrumentation-openai-v2==2.4b0 opentelemetry-util-genai==1.3b0
first=$(import)
pip httpx==0.28.1
second=$(import)
pip opentelemetry-util-genai==0.4b0
third=$(import)
printf '%s\n' "by its requirements: $first" "with httpx: $second" "with httpx and util 0.4b0: ${third:-imported}"
[ "$first" = "ModuleNotFoundError: No module named 'httpx'" ]
[ "$second" = "ModuleNotFoundError: No module named 'opentelemetry.util.genai.instruments'" ]
[ -z "$third" ]
