"""Chat completions as OpenAI publishes them, and as many others speak them."""
