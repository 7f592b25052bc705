"""Simulated people: who they are, their past, and what they do in the simulated Telegram."""
