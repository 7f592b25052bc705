"""Compose's own loader as a program: checks a compose file as `docker compose` would, schema, variables, references."""

import subprocess
from pathlib import Path

from tests.support.clients.builds import go_program


def check(compose_file: Path, env_file: Path) -> tuple[list[str], str]:
    """Load a compose file with a .env and return the names of its services and the complaint; one of them is empty."""
    program = go_program(Path(__file__).parent)
    done = subprocess.run([program, compose_file, env_file], env={}, capture_output=True, text=True, timeout=60)
    return (done.stdout.split(), "") if done.returncode == 0 else ([], done.stderr)
