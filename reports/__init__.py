"""Readers of run records: what a person reads in a minute and a CI gate reads in a millisecond."""
