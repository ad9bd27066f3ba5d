"""Recorded and simulated outcomes as a stream of requests, and what a router's choices on them were worth."""
