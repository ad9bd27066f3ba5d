"""The story of Ask: decide, call the provider, show its answer as it comes, survive its faults, bill it exactly."""
