"""The wire of Route in bytes: requests are read from them, replies are written to them."""
