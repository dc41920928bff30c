"""A channel for trainings outside a search: it keeps what they send, and gives no verdicts."""

from __future__ import annotations

from hpo.core.events import Checkpointed, Reported
from hpo.running.channel import Channel, TrainingStopped


class RecordingChannel(Channel):
    """Keeps what a training sends, and stops it where it would wait for a verdict.

    Attributes:
        reports: Epochs trained, oldest first.
        checkpoint: The first one, if one was written.
        finished: What the record would say of a training that ended by its own rule.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[Reported] = []
        self.checkpoint: Checkpointed | None = None
        self.finished = ""

    def send(self, pause: bool, **news: object) -> None:
        """Keep the news.

        Raises:
            TrainingStopped: If the training would pause.
        """
        reports, checkpoint = news.get("reports"), news.get("checkpoint")
        self.reports += reports if isinstance(reports, list) else []
        if isinstance(checkpoint, Checkpointed) and self.checkpoint is None:
            self.checkpoint = checkpoint
        self.finished = str(news.get("finished", self.finished))
        if pause:
            raise TrainingStopped

    @property
    def scores(self) -> list[dict[str, float]]:
        """The validation metrics of each epoch."""
        return [
            {name: value for name, value in report.metrics.items() if name.startswith("validation/")}
            for report in self.reports
        ]
