"""`python -m web` serves the dashboard, `mcp` language models; `hash-password` and `token` make the secrets of its settings."""

import argparse
import getpass
import sys

from web.auth.passwords import hash_password
from web.auth.tokens import hash_token, new_token
from web.settings import WebSettings

PASSWORD_MIN = 10


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m web", description="Chattrail's dashboard and JSON API.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve the pages (the default)")
    commands.add_parser("hash-password", help="read a password and print its argon2 hash")
    commands.add_parser("token", help="make an API token and print it with its hash")
    mcp = commands.add_parser("mcp", help="serve language models by MCP, over standard input and output")
    mcp.add_argument("--http", action="store_true", help="over HTTP instead, with the tokens of the API")
    arguments = parser.parse_args()
    command = arguments.command
    if command == "mcp":
        from web.mcp.server import serve_http, serve_stdio  # here: the other commands need no MCP

        (serve_http if arguments.http else serve_stdio)(WebSettings.load_or_exit())
    elif command == "hash-password":
        print(hash_password(_read_password()))
    elif command == "token":
        token = new_token()
        print(f"token {token}\nhash  {hash_token(token)}")
        print("Keep the token; add the hash to CHATTRAIL_WEB_API_TOKEN_HASHES.", file=sys.stderr)
    else:
        from web.server.run import serve  # here: the other commands need no gunicorn

        serve(WebSettings.load_or_exit())


def _read_password() -> str:
    """Ask for it twice at a terminal, else read one line of standard input; never from the command line, where
    everybody on the machine could see it.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise SystemExit("The two differ.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < PASSWORD_MIN:
        raise SystemExit(f"The password needs {PASSWORD_MIN} characters or more.")
    return password


if __name__ == "__main__":
    main()
