"""Simulated people: their habits, their history, and their visits to the simulated Telegram."""
