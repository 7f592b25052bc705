"""A bot of somebody who never read Chattrail's code: several files, routers, FSM, callbacks, a media group.

Two lines of it are Chattrail's; they are in `app.py`.
"""
