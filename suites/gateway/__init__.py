"""The conformance suite for gateways: talks to a target, and judges every rule of a provider's contract."""
