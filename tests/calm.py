"""The sample account for tests of the pages: the same at whatever hour they run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import patch

from autonomy.local import sample
from autonomy.local.sample import MetricRow, draw_hours, load
from autonomy.local.sample_account import SampleCampaign

# What is drawn depends on the hour that it ends with: of one in five the roi happens to fall, of
# others so much is paused that the Overview says so. Of this one all is well after a run.
CALM = datetime(2026, 12, 3, 20, tzinfo=UTC)


def load_calm(database_url: str, now: datetime | None = None) -> None:
    """The sample as it is drawn for CALM, ending now."""
    now = now or datetime.now(UTC)
    later = now.replace(minute=0, second=0, microsecond=0) - CALM

    def drawn(campaign: SampleCampaign, _: datetime, seed: int) -> Iterator[MetricRow]:
        for row in draw_hours(campaign, CALM, seed):
            yield row._replace(bucket=row.bucket + later)

    with patch.object(sample, "draw_hours", drawn):
        load(database_url, now=now, campaigns=40, days=21)
