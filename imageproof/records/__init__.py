"""What a run writes down: the lines of run.jsonl, how they are written, read and kept free of secrets.

Stands below the rooms, next to `specs`: suites and load tests write records, reports read them, and none of them knows
the others.
"""
