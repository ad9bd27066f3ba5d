"""Values and errors that every room speaks in. Standard library only; no I/O, no status codes."""
