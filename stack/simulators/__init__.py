"""A simulated Telegram and the people in it."""
