"""Makes blocks of columns from requests, without an object for each record (docs/adr/0041-blocks-of-columns.md)."""

import pyarrow as pa

# Arrow's own allocator keeps what was freed, for each thread: after some large requests 190 MB that nothing uses. The C library's
# gives it back (sidecar/memory.py), and is no slower.
pa.set_memory_pool(pa.system_memory_pool())
