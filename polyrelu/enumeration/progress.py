"""A progress line on a terminal, silence elsewhere."""

from __future__ import annotations

import sys


class Progress:
    """Shows regions explored, rate and open frontier while stderr is a terminal."""

    def __init__(self, wanted: bool, limit: int | None):
        self._bar = None
        if wanted and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            stop = "Ctrl-C keeps what was found"
            self._hint = stop if limit is not None else f"{stop}, a limit bounds the search"
            self._bar = tqdm(
                total=limit,
                unit="",
                dynamic_ncols=True,
                leave=False,
                bar_format="{n_fmt} regions in {elapsed}, {rate_fmt}{postfix}",
            )

    def update(self, explored: int, frontier: int) -> None:
        """Show the number of regions explored and of known ones still to explore."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{frontier} waiting; {self._hint}", refresh=False)
            self._bar.update(explored - self._bar.n)

    def close(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.close()
