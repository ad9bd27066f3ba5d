"""The story of Observe: a report becomes durable, then it is learned, exactly once."""
