"""The only place that writes the report's HTML: plain strings come in, escaped ones go out."""

from collections.abc import Mapping, Sequence
from html import escape
from string import Template

import plotly.graph_objects as go

THEMED = "#808a95"  # text in this colour follows the page's theme (report.css); it reads on light and dark without

WIDE_COLUMNS = {"text": "text", "message": "text", "variant": "name", "baseline": "name"}  # by CSS class
CLEAR, GRID = "rgba(0,0,0,0)", "rgba(128,138,149,0.25)"
AXIS = {"gridcolor": GRID, "zerolinecolor": GRID, "ticks": "outside", "ticklen": 4, "tickcolor": CLEAR}
LOOK = {
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": THEMED},
    "paper_bgcolor": CLEAR,
    "plot_bgcolor": CLEAR,
    **{axis: {**AXIS, "fixedrange": True, "title": {"font": {"size": 13}}} for axis in ("xaxis", "yaxis")},
}

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
<script>$plotly</script>
</head>
<body>
<noscript><p class="missing">The charts need JavaScript. The tables hold the same figures.</p></noscript>
$body
</body>
</html>
""")


def page(title: str, sections: Sequence[str], *, style: str, script: str) -> str:
    """The whole file: a title, sections that are HTML already, and our own CSS and JavaScript in it."""
    return PAGE.substitute(title=escape(title), style=style, plotly=script, body="\n".join(sections))


def element(tag: str, css_class: str, parts: Sequence[str]) -> str:
    """An element around parts that are HTML already."""
    attribute = f' class="{css_class}"' if css_class else ""
    return f"<{tag}{attribute}>{''.join(parts)}</{tag}>"


def escaped(text: str) -> str:
    """Escaped for HTML."""
    return escape(text)


def heading(level: int, text: str) -> str:
    """A heading, 1 to 6."""
    return element(f"h{level}", "", [escaped(text)])


def paragraph(text: str, css_class: str = "") -> str:
    """One paragraph."""
    return element("p", css_class, [escaped(text)])


def section(title: str, *parts: str) -> str:
    """A titled section around parts that are HTML already."""
    return element("section", "", [heading(2, title), *parts])


def listing(sentences: Sequence[str]) -> str:
    """A list, one item per sentence."""
    return element("ul", "", [element("li", "", [escaped(sentence)]) for sentence in sentences])


def glossary(terms: Mapping[str, str]) -> str:
    """Terms with what they mean."""
    return element(
        "dl",
        "",
        [element("dt", "", [escaped(term)]) + element("dd", "", [escaped(said)]) for term, said in terms.items()],
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of strings; a column whose name begins with # holds numbers."""
    classes = ["number" if column[0] == "#" else WIDE_COLUMNS.get(column, "") for column in columns]
    head = [
        element("th", css, [escaped(column.removeprefix("#"))]) for column, css in zip(columns, classes, strict=True)
    ]
    body = [
        element("tr", "", [element("td", css, [escaped(cell)]) for cell, css in zip(row, classes, strict=True)])
        for row in rows
    ]
    table = element("table", "", [element("thead", "", [element("tr", "", head)]), element("tbody", "", body)])
    return f'<div class="scroll" tabindex="0">{table}</div>'


def chart(name: str, figure: go.Figure, caption: str, *, is_wide: bool = False) -> str:
    """A figure on the page's own background. It cannot be dragged, so that a phone scrolls over it."""
    figure = go.Figure(figure).update_layout(template={"layout": LOOK}, dragmode=False)
    config = {"displayModeBar": False, "responsive": True}
    html = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"chart-{name}", config=config)
    label = f'<div role="img" aria-label="{escape(caption)}">{html}</div>'
    return element("figure", "wide" if is_wide else "", [label, element("figcaption", "", [escaped(caption)])])
