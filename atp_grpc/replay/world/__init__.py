"""The simulated world: prompts from our own templates and a documented law for what six models make of them."""
