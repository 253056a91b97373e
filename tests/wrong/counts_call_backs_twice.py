"""It delivers the image of a job again when the call back comes again."""

from __future__ import annotations

from tests.wrong.hooks import Called

SPEC = "toapis"
RULE = "client/images"
CLOCK = "20x"
SCENARIOS = ("webhook-twice",)


class Wrong(Called):
    def images(self) -> list[bytes]:
        images = super().images()
        again = self.told(20.0)
        return images + ([self.download(url) for url in self.results(again)] if again else [])
