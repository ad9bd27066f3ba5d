"""Messages as Anthropic publishes them."""
