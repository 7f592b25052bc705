"""Decoding of untrusted images in a child process: the container is read, metadata removed, every frame decoded.

Nothing here may import the sidecar's plugins or settings: the child has to start quickly, stay small, and know no secret.
"""
