"""Wire to domain and back: pure functions, no defaults of their own, no I/O."""
