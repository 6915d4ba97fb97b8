"""`Difference`, a line of differences.csv, and the closed list of its verdicts."""

import dataclasses

from keras_vit.studies.comparing.statistics import FEWEST, MARGIN

# The closed list of what a comparison can end with.
HIGHER, LOWER = "higher", "lower"
EQUIVALENT = f"equivalent within {MARGIN:g} points"
UNDECIDED, NOT_CALLED, NOT_RUN = "undecided", "not called", "not run"
ONE_SEED, TWO_SEEDS = "one seed", "two seeds"
CLOSES, WIDENS, NO_TREND = "closes", "widens", "no trend"
CROSSES, NO_CROSSING = "crosses", "no crossing"
LIMITED, NOT_LIMITED = "limited by updates", "not limited by updates"
MORE, LESS = "more computing", "less computing"
POWER_LAW, NO_POWER_LAW = "power law", "no power law"
VERDICTS = (
    *(HIGHER, LOWER, EQUIVALENT, UNDECIDED, NOT_CALLED, NOT_RUN, ONE_SEED, TWO_SEEDS),
    *(CLOSES, WIDENS, NO_TREND, CROSSES, NO_CROSSING, LIMITED, NOT_LIMITED),
    *(MORE, LESS, POWER_LAW, NO_POWER_LAW),
)

ARMS, TREND, CROSSING, LENGTH = "arms", "trend", "crossing", "length"
COMPUTE, LAW = "compute", "law"
POINTS, DECADE, ODDS = "points", "points per decade", "log-odds per decade"
TIMES, EXPONENT = "times the computing", "log error per log computing"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One line of differences.csv: arm minus other arm."""

    kind: str
    arm: str
    other: str
    level: str
    unit: str
    pairs: int
    mean: float | None = None
    # 95 % interval.
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""
    reason: str = ""
    # So many more seeds would settle a difference of `reach` points.
    more: int | None = None
    reach: float | None = None
    # The least difference that would be called if it were the clearest of the study.
    least: float | None = None

    def having(self, **values):
        """The same line with other values."""
        return dataclasses.replace(self, **values)


def too_few(seeds):
    """The verdict where there are fewer than three pairs, else ""."""
    return (NOT_RUN, ONE_SEED, TWO_SEEDS)[seeds] if seeds < FEWEST else ""
