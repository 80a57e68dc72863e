"""Know who asks: persons with passwords and sessions, programs with keys."""
