"""Charts of counts; names from data are not read as HTML."""

from augment.records import Split
from augment.results.charts import counts
from tests.augment.results.made_runs import LABELS


def test_names_from_data_are_not_read_as_html() -> None:
    figure = counts.label_shares({"<b>run</b>": {"<i>x</i>": 3}}, ("<i>x</i>", "y"))
    assert figure.data[0].name == "&lt;i&gt;x&lt;/i&gt;"
    assert figure.layout.yaxis.ticktext == ("&lt;b&gt;run&lt;/b&gt;",)


def test_runs_whose_long_names_start_alike_each_keep_a_bar() -> None:
    name = "a language model with a long name"
    figure = counts.label_shares({f"{name} (run 1)": {"joy": 1}, f"{name} (run 2)": {"anger": 1}}, LABELS)
    assert all(len(set(trace.y)) == 2 for trace in figure.data)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 1]
    assert [row[1] for row in figure.data[0].customdata] == [f"{name} (run 1)", f"{name} (run 2)"]


def test_label_shares_add_up_and_each_label_keeps_its_colour() -> None:
    figure = counts.label_shares({"a": {"joy": 1, "anger": 3}, "empty": {}}, LABELS)
    assert [sum(trace.x[i] for trace in figure.data) for i in (0, 1)] == [1, 0]
    assert [trace.marker.color for trace in figure.data] == [counts.label_colour(LABELS, label) for label in LABELS]


def test_split_counts_and_the_funnel_show_the_given_numbers() -> None:
    examples = {(Split.POOL, "joy"): 5, (Split.TEST, "anger"): 2}
    figure = counts.split_counts(examples, LABELS)
    assert [list(trace.x) for trace in figure.data] == [[5, 0, 0], [0, 0, 0], [0, 2, 0]]
    funnel = counts.yield_funnel({"completed": 10, "parsed": 5})
    assert list(funnel.data[0].x) == [10, 5]
    assert funnel.data[0].text[1] == "5  (50%)"


def test_hovers_write_counts_with_separators() -> None:
    shares = counts.label_shares({"a": {"joy": 1_200}}, LABELS)
    assert "%{customdata[0]:,} texts" in shares.data[0].hovertemplate
    assert "%{x:,} texts" in counts.split_counts({(Split.POOL, "joy"): 1_200}, LABELS).data[0].hovertemplate
    assert "%{x:,} completions" in counts.yield_funnel({"completed": 1_200}).data[0].hovertemplate


def test_quotes_in_names_are_shown_unchanged() -> None:
    assert counts.plain("\"A\" & 'B' <i>") == "\"A\" &amp; 'B' &lt;i&gt;"
    assert counts.shorten("abcdef", 6) == "abcdef"
    assert counts.shorten("abcd efg", 6) == "abcd…"
