"""How each figure is counted, in one line each: the hover texts of the pages and the table in docs/api.md.

The keys are the names in the JSON answers; pages translate the English sentence by its key.
"""

METRIC_DEFINITIONS = {
    "people": "Different people who did something themselves: wrote, sent a command, chose, pressed a button or paid.",
    "new_people": "People whose first own action ever lies in this range.",
    "messages": "Messages that people sent to the bot, button presses included.",
    "bot_messages": "Messages of the bot that are no AI answers: menus, notices, copies, stickers.",
    "answers": "AI answers the bot sent, failures not counted.",
    "pictures": "Pictures the bot sent, failures not counted.",
    "stars": "Telegram Stars paid, less those refunded.",
    "funnel": "People who pressed /start in this range, and those of them who also got to each further step in it."
    " Steps that the bot does not have are left out.",
    "personas": "Messages of people while this persona was active.",
    "stories": "Messages of people while this story was active.",
    "commands": "How often each command was sent.",
    "languages": "People who did something, by the language of their Telegram client.",
    "refreshed": "Requests for another picture.",
    "duration_ms_p50": "Half of the answers took no longer than this.",
    "duration_ms_p95": "19 of 20 answers took no longer than this.",
    "tokens": "Tokens that the language model reported for the bot's answers.",
    "premium": "Offers shown, invoices sent, payments made, refunded and refused, subscriptions cancelled.",
    "revenue": "Paid in this currency, less what was refunded; unlike currencies are never added.",
    "custom": "Events that the bot tracks itself: the people they happened with, and how often.",
    "chat": "Edits, deletions, reactions and votes; an edit is no message.",
    "reactions": "How often people reacted to a message; taken back ones are not counted.",
    "blocks": "How often people blocked and unblocked the bot.",
    "failures": "Errors in the bot's own code while it handled an update.",
    "emitted": "Events that the bot's processes active in this range have numbered, over each process's whole life.",
    "stored": "Different numbers of those that are stored; an event that comes twice has one.",
    "dropped": "Numbers that are not stored, by the reason as far as it is known.",
    "archived": "Pictures kept in the store, of all time, whatever the range.",
    "pending": "Pictures that wait to be fetched or stored; they are tried again by themselves.",
    "unarchived": "Pictures that were given up, for the reason below; `python -m sidecar images retry` tries them again.",
    "bytes": "What the store holds: a picture that came with several events lies there once.",
    "previous": "The same figure in the equally long stretch just before this range.",
}
