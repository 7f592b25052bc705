"""Decoding of untrusted images in a child process: the container is read, metadata removed, every frame decoded.

Nothing that `child` imports may import plugins or settings: it has to start quickly, stay small, and know no secret.
"""
