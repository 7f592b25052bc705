"""The inside of the simulated Bot API: wire format, chats, files, payments, and one module of methods a subject."""
