"""What one image may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`pixels` are width x height x frames; memory is the child's address space, as the decoders may ask for it."""

    pixels: int = 100_000_000
    frames: int = 1_000
    memory_bytes: int = 1 << 30
    cpu_s: int = 20
