"""Write the index of rooms into docs/architecture.md: every source file with the first line of its docstring."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("hwemu", "kernel", "driver", "userland", "lab")
START, END = "<!-- rooms -->", "<!-- end of rooms -->"


def first_line(path):
    text = path.read_text()
    if path.suffix == ".py":
        docstring = ast.get_docstring(ast.parse(text)) or ""
    else:
        match = re.search(r'^"""(.*?)"""', text, re.DOTALL | re.MULTILINE)
        docstring = match.group(1) if match else ""
    return " ".join(docstring.split("\n\n")[0].split())


def index():
    lines = [START, ""]
    for package in PACKAGES:
        lines += [f"### {package}", "", "| room | what lives there | speed |", "|---|---|---|"]
        for path in sorted(p for p in (ROOT / package).rglob("*.py*") if p.suffix in (".py", ".pyx")):
            summary = first_line(path)
            if not summary:
                continue
            header = path.with_suffix(".pxd")
            speed = "leaf" if path.suffix == ".pyx" else "both" if header.exists() else ""
            lines.append(f"| `{path.relative_to(ROOT).as_posix()}` | {summary.replace('|', '/')} | {speed} |")
        lines.append("")
    return "\n".join([*lines, END])


def main(check):
    page = PAGE.read_text()
    fresh = page[: page.index(START)] + index() + page[page.index(END) + len(END):]
    if check:
        return 0 if fresh == page else "docs/architecture.md: the index of rooms is stale: run 'make docs'"
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
