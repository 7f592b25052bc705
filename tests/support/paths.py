"""Where the repository is: what tests start, read or check lies there."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
