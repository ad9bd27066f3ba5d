"""Where decisions and observations are kept, and what a restart finds."""
