"""Send requests to vendors in one way: rate limit, time limit, retries, one tree of errors, no secret in a log."""
