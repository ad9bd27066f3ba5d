"""What replicas share: request-id claims today; counters, leases and learner deltas when there is more than one."""
