"""What is done to a stranger's picture: taken apart, rid of its metadata, decoded. It runs in a child process.

Nothing here may import the sidecar's plugins or settings: the child has to start quickly, stay small, and know no secret.
"""
