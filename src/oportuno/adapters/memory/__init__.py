"""The whole outside in memory, with a clock moved by hand: for tests, for the walking simulator, and to read beside PostgreSQL's."""

from oportuno.adapters.memory.world import MemoryWorld

__all__ = ["MemoryWorld"]
