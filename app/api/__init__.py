"""Offer the desk over REST, with the same tools, rules and errors as every other face."""
