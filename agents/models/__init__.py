"""Reach language models: each provider a thin wrapper, all of them through one labelled door."""
