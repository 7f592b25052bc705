"""The persona bot: people pick a persona and a story, chat, and get pictures."""
