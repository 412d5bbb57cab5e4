"""Draw the pictures of docs/gallery.md, by the lines that stand there above each of them.

python benchmarks/gallery.py                       all files of docs/gallery
python benchmarks/gallery.py --only surface graph  some of them
python benchmarks/gallery.py --sizes               how large files with about 100 000 regions are
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "gallery.md"
BLOCK = re.compile(r"```python\n(.*?)```|!\[[^\]]*\]\((gallery/\w+\.png)\)", re.S)
MOST = 150_000


def draw(only: list[str] | None) -> None:
    """Run the blocks of the page in order; a picture is what the block above it drew last."""
    from matplotlib import pyplot

    names: dict[str, Any] = {}
    for code, file in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if code:
            pyplot.close("all")
            exec(code, names)
        elif only is None or Path(file).stem in only:
            target = PAGE.parent / file
            pyplot.gcf().savefig(
                target, dpi=105, bbox_inches="tight", pad_inches=0.06, metadata={"Software": None},
                pil_kwargs={"optimize": True},
            )  # fmt: skip
            print(f"{file}: {target.stat().st_size / 1000:.0f} kB", flush=True)
            if target.stat().st_size > MOST:
                sys.exit(f"{file} is larger than {MOST // 1000} kB")


def sizes() -> None:
    """Write files with about 100 000 regions: lines in general position, one hidden layer."""
    import numpy as np

    import polyrelu as pr
    from polyrelu.plotting import save_picture

    rng = np.random.default_rng(0)
    normal = rng.normal(size=(520, 2))
    normal /= np.hypot(*normal.T)[:, None]
    net = pr.ReluNetwork([normal, rng.normal(size=(1, 520)) / 520], [rng.uniform(-0.75, 0.75, size=520), [0]])
    cx = pr.enumerate_regions(net, pr.Box([-1, -1], [1, 1]), progress=False)
    print(f"{len(cx)} regions")
    with tempfile.TemporaryDirectory() as folder:
        for suffix, options in (
            (".svg", {}), (".pdf", {}), (".png", {}), (".svg", {"kind": "bent_hyperplanes"}),
            (".svg", {"color": "output"}), (".svg", {"kind": "graph"}), (".svg", {"rasterized": False}),
        ):  # fmt: skip
            file, start = Path(folder) / f"a{suffix}", time.perf_counter()
            save_picture(cx, file, **options)
            seconds = time.perf_counter() - start
            print(f"{suffix} {options or ''}: {file.stat().st_size / 1e6:.1f} MB, {seconds:.0f} s", flush=True)


def main() -> int:
    import matplotlib

    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="pictures to draw")
    parser.add_argument("--sizes", action="store_true", help="measure vector files instead")
    options = parser.parse_args()
    if options.sizes:
        sizes()
    else:
        draw(options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
