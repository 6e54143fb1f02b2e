"""A page of headings, text, tables and figures, as Markdown and as one HTML file that contains the figures."""

import base64
import dataclasses
import html
from collections.abc import Sequence
from pathlib import Path

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; } figcaption, .caption { color: #555; }
""".strip()


@dataclasses.dataclass(frozen=True)
class Heading:
    """The heading of a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: column names and rows of text; `numeric` columns are right-aligned."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True


@dataclasses.dataclass(frozen=True)
class Image:
    """A PNG figure in the page's folder, with a caption."""

    path: str
    caption: str


Block = Heading | Text | Table | Image


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Returns the page as Markdown, which links to the figures."""
    return "\n\n".join([f"# {title}", *map(_markdown, blocks)]) + "\n"


def to_html(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """Returns the page as HTML, which contains the figures of `folder`."""
    body = "\n".join(_html(block, folder) for block in blocks)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n"
        f"<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def _markdown(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {text}"
        case Text(text):
            return text
        case Image(path, caption):
            return f"![{caption}]({path})"
        case Table(columns, rows, numeric):
            rule = ["---", *(["---:" if numeric else "---"] * (len(columns) - 1))]
            lines = [[cell.replace("|", "\\|") for cell in row] for row in (columns, *rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _html(block: Block, folder: Path) -> str:
    match block:
        case Heading(text):
            return f"<h2>{html.escape(text)}</h2>"
        case Text(text):
            return f"<p>{html.escape(text)}</p>"
        case Image(path, caption):
            data = base64.b64encode((folder / path).read_bytes()).decode()
            caption = html.escape(caption)
            return (
                f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
        case Table(columns, rows, numeric):
            cell = "<td>{}</td>" if numeric else '<td class="text">{}</td>'
            head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
            body = "\n".join(
                "<tr>" + "".join(cell.format(html.escape(value)) for value in row) + "</tr>" for row in rows
            )
            return (
                f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
            )
