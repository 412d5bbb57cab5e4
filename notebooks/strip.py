"""Write notebooks as they are committed: without outputs, counts and the traces of an editor.

python notebooks/strip.py            all notebooks of this folder
python notebooks/strip.py --check    change nothing; exit code 1 if something would change
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def stripped(text: str) -> str:
    """Return the text of a notebook with its cells alone."""
    cells = []
    for i, cell in enumerate(json.loads(text)["cells"]):
        code = {"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {}
        source = "".join(cell["source"]).strip("\n").splitlines(keepends=True)
        cells.append(
            {"cell_type": cell["cell_type"], "id": f"cell-{i:02}", "metadata": {}, "source": source, **code}
        )
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    """Strip the notebooks beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    changed = 0
    for file in sorted(Path(__file__).parent.glob("*.ipynb")):
        text = file.read_text(encoding="utf-8")
        if text != stripped(text):
            changed += 1
            print(file.name)
            if not check:
                file.write_text(stripped(text), encoding="utf-8")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
