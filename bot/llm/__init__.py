"""What the bot says and draws."""
