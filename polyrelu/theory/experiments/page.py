"""One self-contained page of HTML: what the paper says, figures, numbers with standard errors, how to make it again.

References
----------
WHATWG, HTML living standard (data: URLs hold the figures, so that the page needs no other file).
"""

from __future__ import annotations

import base64
import html
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from .protocol import Experiment
from .summary import Finding

# An .svg up to this size is shown as it is, sharp at any scale; a larger one as its .png.
LARGEST_SVG = 400_000
PAPERS = (
    "B. Hanin and D. Rolnick, Complexity of linear regions in deep networks, ICML 2019.",
    "B. Hanin and D. Rolnick, Deep ReLU networks have surprisingly few activation patterns, NeurIPS 2019.",
)
CSS = """
:root { color: #26262e; background: #fff; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, dd, figcaption { max-width: 46rem; } .small, figcaption { color: #5a5a66; font-size: .9rem; }
figure { margin: 1.6rem 0; } img { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-size: .92rem; } th { text-align: left; font-weight: 600; }
th, td { padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid #e4e4ea; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: #f4f4f7; padding: .7rem .9rem; overflow-x: auto; font-size: .88rem; }
blockquote { margin: 1rem 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid #c9c9d2; }
"""


def number(mean: float, standard_error: float | None) -> str:
    """Return a mean with its standard error, to two digits of that.

    Examples
    --------
    >>> number(1.01234, 0.0171), number(4780.2, 31.5), number(0.5, None)
    ('1.012 ± 0.017', '4780 ± 32', '0.5')
    """
    if math.isnan(mean):
        return "not defined"
    if standard_error is None or not 0 < standard_error < math.inf:
        return f"{mean:.4g}"
    digits = max(0, 1 - math.floor(math.log10(standard_error)))
    return f"{mean:.{digits}f} ± {standard_error:.{digits}f}"


def command(name: str, directory: str, data: str, full: bool, seed: int) -> str:
    """Return the command that makes a page.

    Examples
    --------
    >>> command("lines", "my results", "digits", True, 1)
    "polyrelu experiment lines --out 'my results' --full --seed 1"
    """
    words = ["polyrelu", "experiment", name, "--out", directory]
    words += ["--data", data] * (data != "digits") + ["--full"] * full + ["--seed", str(seed)] * (seed != 0)
    return shlex.join(words)


def make_page(
    experiment: Experiment, findings: Sequence[Finding], figures: Mapping[str, Mapping[str, bytes]],
    settings: Mapping[str, Any], again: str, version: str,
) -> bytes:
    """Return the page of an experiment.

    Parameters
    ----------
    experiment : Experiment
    findings : sequence of Finding
    figures : mapping
        From the name of a figure to its bytes as "svg" and "png".
    settings : mapping
        What was run, as JSON has it.
    again : str
        The command that makes it again.
    version : str
        Of polyrelu.
    """
    text = html.escape
    body = [f"<h1>{text(experiment.title)}</h1>"]
    body.append(f"<p class=small>polyrelu experiment {text(experiment.name)}, version {text(version)}, "
                f"{text(settings['data']['text'])}</p>")  # fmt: skip
    body.append(f"<blockquote><p>{text(experiment.statement)}</p></blockquote>")
    for name, files in figures.items():
        caption = text(experiment.captions[name])
        body.append(f'<figure><img alt="{caption}" src="{_embedded(files)}"><figcaption>{caption} '
                    f'Files: <a href="{name}.svg">{name}.svg</a>, <a href="{name}.png">{name}.png</a>.'
                    f"</figcaption></figure>")  # fmt: skip
    body.append("<h2>Numbers</h2><p>Means with standard errors.</p><table><thead><tr><th>quantity</th>"
                "<th>mean ± standard error</th><th>over</th><th>each</th></tr></thead><tbody>")  # fmt: skip
    for found in findings:
        body.append(
            f"<tr><td>{text(found.what)}</td><td class=number>{number(found.mean, found.standard_error)}</td>"
            f"<td>{found.samples} {text(found.of)}</td><td>{text(found.exactness)}</td></tr>"
        )
    body.append("</tbody></table>")
    body.append(f"<h2>What was run</h2><p>{text(experiment.protocol)}</p><table><tbody>")
    for name, value in _flat(settings):
        body.append(f"<tr><td>{text(name)}</td><td>{text(value)}</td></tr>")
    body.append(f"</tbody></table><h2>What is exact</h2><p>{text(experiment.exactness)}</p>")
    body.append(f"<h2>How to run it again</h2><pre>{text(again)}</pre><p>A run that was stopped goes on where it was; "
                f"a finished one only makes this page again. All rows are in "
                f'<a href="{experiment.name}.csv">{experiment.name}.csv</a>, the settings in '
                f'<a href="{experiment.name}.json">{experiment.name}.json</a>.</p>')  # fmt: skip
    body.append("<h2>References</h2>" + "".join(f"<p>{text(paper)}</p>" for paper in PAPERS))
    head = f'<meta charset="utf-8"><title>{text(experiment.title)}</title>'
    head += f'<meta name="viewport" content="width=device-width"><style>{CSS}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{chr(10).join(body)}</body></html>\n'.encode()


def _embedded(files: Mapping[str, bytes]) -> str:
    kind = "svg" if len(files["svg"]) <= LARGEST_SVG else "png"
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return f"data:{mime};base64,{base64.b64encode(files[kind]).decode()}"


def _flat(settings: Mapping[str, Any], head: str = "") -> list[tuple[str, str]]:
    """Return settings as lines of a table."""
    out = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            out += _flat(value, f"{head}{name}, ")
        elif isinstance(value, list):
            words = ["[" + ", ".join(map(str, v)) + "]" if isinstance(v, list) else _word(v) for v in value]
            out.append((head + name, ", ".join(words) or "none"))
        else:
            out.append((head + name, _word(value)))
    return [(name.replace("_", " "), value) for name, value in out]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
