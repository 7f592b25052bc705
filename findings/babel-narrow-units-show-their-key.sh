#!/usr/bin/env bash
# Babel 2.18.0: `format_unit(812, "duration-hour", length="narrow")` gives "812 duration-hour" in Russian and German: the
# identifier of the unit, no error. English gives "812h".
#
# CLDR leaves out a narrow pattern that equals the short one, and readers are to look there (lateral inheritance). Babel
# looks in the wanted length only, and falls back to the number and the unit's identifier when there is no pattern.
#
# Source: format_unit in babel/units.py, its last lines.
# Met when Babel was tried for the dashboard's durations and sizes (docs/adr/0031); length="short" has all of them.
#
# Output seen:
#   de narrow: 812 duration-hour      short: 812 Std.
#   en narrow: 812h                   short: 812 hr
#   pl narrow: 812 h                  short: 812 godz.
#   ru narrow: 812 duration-hour      short: 812 ч
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check babel==2.18.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from babel.units import format_unit

LOCALES = ("de", "en", "pl", "ru")
narrow = {locale: format_unit(812, "duration-hour", "narrow", locale=locale) for locale in LOCALES}
short = {locale: format_unit(812, "duration-hour", "short", locale=locale) for locale in LOCALES}
for locale in LOCALES:
    print(f"{locale} narrow: {narrow[locale]:<22} short: {short[locale]}")
shows_key = [locale for locale in LOCALES if narrow[locale] == "812 duration-hour"]
sys.exit(shows_key != ["de", "ru"] or any("duration" in text for text in short.values()))
PYTHON
