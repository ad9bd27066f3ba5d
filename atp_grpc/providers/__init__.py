"""Model providers: one contract, an implementation for each dialect, and what decides whom to call and when to stop."""
