"""A lean HTTP/1.1 client: where one may connect, kept connections, one exchange, streams of events."""
