"""Hard limits of money: what a tenant may spend in a period, kept across crashes and shared between replicas."""
