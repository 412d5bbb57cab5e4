"""What an experiment is: a statement, a plan, figures and numbers.

References
----------
B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..image_data import ImageData
from .plan import Plan
from .store import Row
from .summary import Finding
from .work import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures = dict[str, "Figure"]


class Experiment(NamedTuple):
    """One experiment of the papers.

    Attributes
    ----------
    name, title : str
    statement : str
        What the paper says, in our words.
    protocol : str
        What is measured, and how.
    exactness : str
        What is exact, and what is not.
    captions : dict
        What each figure shows, by its name.
    plan : callable
        Returns the sizes from (full, data).
    findings : callable
        Returns the main numbers from all rows.
    draw : callable
        Returns figures by name from all rows, the task and the data.
    """

    name: str
    title: str
    statement: str
    protocol: str
    exactness: str
    captions: dict[str, str]
    plan: Callable[[bool, ImageData], Plan]
    findings: Callable[[Sequence[Row]], list[Finding]]
    draw: Callable[[Sequence[Row], Task, ImageData], Any]
