"""A progress line on a terminal, a callback for programs, silence elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NamedTuple


class Status(NamedTuple):
    """What a progress callback is told.

    Attributes
    ----------
    regions : int
        Activation regions found so far.
    fraction : float or None
        Share of the domain's volume that is finished (float, for display); None where it is not known (bfs).
    seconds : float
        Since the search began.
    """

    regions: int
    fraction: float | None
    seconds: float


Wanted = bool | Callable[[Status], object]


class Progress:
    """Shows regions found and rate while stderr is a terminal, or tells a callback, twice a second."""

    INTERVAL = 0.5

    def __init__(self, wanted: Wanted, hint: str = ""):
        self._call = wanted if callable(wanted) else None
        self._bar = None
        self._began = time.perf_counter()
        self._next = self._began
        self._hint = hint
        self._told: tuple[int, float | None] | None = None
        if wanted and self._call is None and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                unit="", dynamic_ncols=True, leave=False, bar_format="{n_fmt} regions in {elapsed}, {rate_fmt}{postfix}"
            )

    @property
    def due(self) -> bool:
        """Tell whether somebody wants to know now."""
        return (self._bar is not None or self._call is not None) and time.perf_counter() >= self._next

    def update(
        self, regions: int, fraction: float | None = None, waiting: int | None = None, *, last: bool = False
    ) -> None:
        """Report, if it is due or the last time: regions found, the finished share of the domain, how many wait."""
        known, self._told = self._told, (regions, fraction)
        if not self.due and not (last and known != self._told):
            return
        if self._bar is not None:
            parts = [f"{fraction:.1%} of the volume"] if fraction is not None else []
            parts += [f"{waiting} waiting"] if waiting is not None else []
            self._bar.set_postfix_str("; ".join([*parts, self._hint] if self._hint else parts), refresh=False)
            self._bar.update(regions - self._bar.n)
        if self._call is not None:
            self._call(Status(regions, fraction, time.perf_counter() - self._began))
        self._next = time.perf_counter() + self.INTERVAL

    def close(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.close()
