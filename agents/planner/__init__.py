"""Turn a question into tool calls with a grammar: no model, no key, no network."""
