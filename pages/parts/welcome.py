"""The Overview page before there is any data: what this is, a measured result, three steps and two ways to begin."""

from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from augment.data import read_files
from augment.results.charts.counts import BASELINE_GREY, fade, finish
from augment.results.charts.parts import EndLabel, add_end_labels, add_line, markers, set_metric_axis
from pages.parts.charts import show_chart
from pages.parts.layout import PAGES, showing_errors
from pages.parts.seeds.state import prepare_upload
from pages.parts.session import choose_task, workbench
from workbench.tasks import create_example

STEPS = (
    ("auto_awesome", "Generate", "A language model writes new texts from a few of yours."),
    ("rate_review", "Review", "You accept, reject or relabel them from the keyboard."),
    ("insights", "Measure", "A classifier trained with these texts is compared with one trained without them."),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A mean over 10 RNG seeds and half its 95% interval."""

    n_texts: int
    macro_f1: float
    half: float


# Source: docs/RESULTS.md, Fine-tuned: "seeds only", "SmolLM2-135M-Instruct · conditional · relabelled" and "… · raw".
SEEDS_ONLY = Point(0, 0.456, 0.009)
CORRECTED = (Point(10, 0.519, 0.025), Point(50, 0.630, 0.022), Point(100, 0.662, 0.039), Point(200, 0.650, 0.038))
AS_WRITTEN = (Point(10, 0.436, 0.022), Point(50, 0.430, 0.018), Point(100, 0.425, 0.023), Point(200, 0.398, 0.019))
FINDING = "50 corrected texts added to 30 labelled ones raise macro-F1 from 0.46 to 0.63"
SOURCE = (
    "Emotion data set, joy / anger / surprise, 797 test texts, mean and 95% interval over 10 RNG seeds. Texts by the "
    "embedded SmolLM2-135M, labels corrected by a simulated reviewer, MiniLM fine-tuned (docs/RESULTS.md)."
)


def show_welcome() -> None:
    """The whole page."""
    left, right = st.columns([5, 2], vertical_alignment="center")
    with left.container(gap="small"):
        st.title("Turn 30 labelled texts into a better classifier", anchor=False)
        st.markdown(
            "A language model writes more texts like yours, you correct their labels, and a test shows whether it "
            "helped."
        )
    with right.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Use my data", key="welcome_upload", icon=":material/upload:"):
            prepare_upload()
            st.switch_page(PAGES["seeds"])
        is_example = st.button("Try the example", key="welcome_example", type="primary", icon=":material/play_arrow:")
    if is_example:
        with showing_errors():
            choose_task(create_example(workbench()).id)
            st.switch_page(PAGES["generate"])
    left, right = st.columns([5, 3], gap="medium")
    with left.container(border=True, height="stretch"):
        st.subheader(
            FINDING,
            anchor=False,
            help="Macro-F1 is the mean of the labels' F1 scores, so a rare label counts as much as a common one. 1 is "
            "perfect.",
        )
        show_chart(
            example_curve(),
            key="welcome_curve",
            alt="macro-F1 by number of synthetic texts: corrected texts help, uncorrected ones do not",
            can_export=False,
        )
        st.caption(SOURCE)
    with right.container(border=True, height="stretch", gap="medium"):
        st.subheader("How it works", anchor=False)
        for i, (icon, name, text) in enumerate(STEPS, start=1):
            st.markdown(f":material/{icon}: **{i}. {name}**  \n{text}")
        st.caption(
            f"**Try the example** starts from the starter set: {read_files.STARTER_NOTE} Nothing leaves this machine."
        )


def example_curve() -> go.Figure:
    """Macro-F1 against the number of synthetic texts, corrected and as the LM labelled them, with the seeds alone."""
    figure = go.Figure()
    ends = []
    for points, name, colour in ((CORRECTED, "corrected", "#1C80C4"), (AS_WRITTEN, "uncorrected", "#D55E00")):
        line = (SEEDS_ONLY, *points)
        sizes = [point.n_texts for point in line]
        upper = [point.macro_f1 + point.half for point in line]
        lower = [point.macro_f1 - point.half for point in line]
        figure.add_scatter(
            x=sizes + sizes[::-1],
            y=upper + lower[::-1],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=fade(colour, 0.14),
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=sizes,
            y=[point.macro_f1 for point in line],
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker=markers("circle", 8, colour),
            cliponaxis=False,
            hovertemplate=f"%{{x}} {name} texts: macro-F1 %{{y:.3f}}<extra></extra>",
        )
        ends.append(EndLabel(line[-1].macro_f1, f"{name} {line[-1].macro_f1:.2f}", colour))
    figure.add_scatter(
        x=[SEEDS_ONLY.n_texts],
        y=[SEEDS_ONLY.macro_f1],
        marker=markers("circle", 8, BASELINE_GREY),
        cliponaxis=False,
        hoverinfo="skip",
    )
    ends.append(add_line(figure, SEEDS_ONLY.macro_f1, "dash", f"seeds only {SEEDS_ONLY.macro_f1:.2f}"))
    low, high = 0.35, 0.75
    right = add_end_labels(figure, ends, low, high)
    set_metric_axis(figure, "macro_f1", low, high)
    figure.update_xaxes(
        title="synthetic texts added", range=[-4, 204], tickvals=[0, 50, 100, 200], tickangle=0, zeroline=False
    )
    figure.update_layout(showlegend=False)
    return finish(figure, 300, right=right)
