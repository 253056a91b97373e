"""Makes `pytest suites/gateway --spec reapi --base-url URL` work: the hooks are those of the plugin."""

from imageproof.suites.gateway.plugin import gateway, pytest_addoption, pytest_configure, pytest_generate_tests

__all__ = ["gateway", "pytest_addoption", "pytest_configure", "pytest_generate_tests"]
