"""Who reviews: asked once a browser, kept in a cookie, written on every decision."""

from urllib.parse import quote, unquote

import streamlit as st

COOKIE = "augment_reviewer"
A_YEAR_S = 365 * 24 * 3600
LONGEST = 60


def reviewer() -> str:
    """The name given in this session or, earlier, in this browser; '' where none was."""
    return str(st.session_state.get("reviewer_name") or _remembered())[:LONGEST]


def ask_reviewer() -> None:
    """The question, in the place of what waits for its answer."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown("**Who reviews?** The name stands on each of your decisions.", text_alignment="center")
        with st.form("reviewer_form", border=False, width=420):
            name = st.text_input("Name", key="reviewer_first", max_chars=LONGEST, placeholder="Ada")
            if st.form_submit_button("Start reviewing", type="primary", width="stretch"):
                if name.strip():
                    rename(name)
                    st.rerun()
                st.caption("A name is needed: two people's decisions must be told apart.")


def rename(name: str) -> None:
    """Review under another name from now on."""
    st.session_state["reviewer_name"] = name.strip()[:LONGEST]


def change_reviewer() -> None:
    """A field with the name, for somebody else at the same browser."""
    st.text_input(
        "Reviewer",
        value=reviewer(),
        key="reviewer_again",
        max_chars=LONGEST,
        on_change=lambda: rename(st.session_state["reviewer_again"] or reviewer()),
        help="Stands on each of your decisions; this browser remembers it",
    )


def remember_reviewer() -> None:
    """Have the browser keep the name for a year; the cookie goes nowhere but here, and holds nothing else."""
    name = st.session_state.get("reviewer_name")
    if name and _remembered() != name:
        cookie = f"{COOKIE}={quote(name, safe='')}; max-age={A_YEAR_S}; path=/; SameSite=Strict"  # no quotes, no HTML
        st.html(f"<script>document.cookie = '{cookie}'</script>", unsafe_allow_javascript=True)


def _remembered() -> str:
    value = st.context.cookies.get(COOKIE)
    return unquote(value) if isinstance(value, str) else ""  # AppTest's cookies are no strings
