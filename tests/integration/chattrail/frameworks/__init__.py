"""The same small bot in each framework: it greets, edits, sends pictures, fails, sells and schedules."""

WELCOME = "Welcome to my bot"
HELP = "Try /picture or /shop"
SORRY = "Something went wrong"
