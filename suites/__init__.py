"""Conformance suites: judge a gateway by talking to it, and a client by watching it."""
