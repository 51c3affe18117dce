"""The engine: every rule of execution, once, with no I/O in it."""
