"""The scribe: writes down what was decided, as a sealed token for the caller and as a record for the store."""
