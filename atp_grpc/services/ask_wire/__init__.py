"""Ask on the wire: requests read from bytes, answers and their events written to them."""
