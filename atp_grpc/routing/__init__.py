"""The story of Route: which model should serve this request, decided without waiting for anything."""
