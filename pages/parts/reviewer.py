"""Who reviews: asked once per browser, kept in a cookie, stored with every decision."""

from urllib.parse import quote, unquote

import streamlit as st

COOKIE = "augment_reviewer"
A_YEAR_S = 365 * 24 * 3600
LONGEST = 60
NAME, FIRST, AGAIN = "reviewer_name", "reviewer_first", "reviewer_again"


def reviewer() -> str:
    """The name given in this session or, earlier, in this browser; '' if none was."""
    return str(st.session_state.get(NAME) or _remembered())[:LONGEST]


def ask_reviewer() -> None:
    """Ask for the name, where nothing can be decided without one."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("**Who reviews?** Your name is stored with each of your decisions.", text_alignment="center")
        with st.form("reviewer_form", border=False, width=420):
            name = st.text_input("Name", key=FIRST, max_chars=LONGEST, placeholder="Ada")
            if st.form_submit_button("Start reviewing", type="primary", width="stretch"):
                if name.strip():
                    rename(name)
                    st.rerun()
                st.caption("Enter a name, so that each decision shows who made it.")


def rename(name: str) -> None:
    """Review under another name from now on."""
    st.session_state[NAME] = name.strip()[:LONGEST]


def change_reviewer() -> None:
    """A field with the name, for somebody else at the same browser."""
    st.text_input(
        "Reviewer",
        value=reviewer(),
        key=AGAIN,
        max_chars=LONGEST,
        on_change=lambda: rename(st.session_state[AGAIN] or reviewer()),
        help="Stored with each of your decisions; this browser remembers it",
    )


def remember_reviewer() -> None:
    """Have the browser keep the name for a year; the cookie goes nowhere but here, and holds nothing else."""
    name = st.session_state.get(NAME)
    if name and _remembered() != name:
        cookie = f"{COOKIE}={quote(name, safe='')}; max-age={A_YEAR_S}; path=/; SameSite=Strict"  # no quotes, no HTML
        st.html(f"<script>document.cookie = '{cookie}'</script>", unsafe_allow_javascript=True)


def _remembered() -> str:
    value = st.context.cookies.get(COOKIE)
    return unquote(value) if isinstance(value, str) else ""  # AppTest's cookies are no strings
