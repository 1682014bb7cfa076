"""The Prompt page: the template, what the shown prompt is made from, and saving it."""

from augment.records import Task
from storage import Store
from tests.app_test import Open, button, errors


def test_a_broken_template_shows_an_error_and_cannot_be_saved(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("prompt")
    app.text_input(key=f"prompt_{filled.id}_item").set_value("{text} ({lable})").run()
    assert any("unknown placeholder {lable}" in error.replace("\\", "") for error in errors(app))
    assert "Save as a new version" not in [widget.label for widget in app.button if not widget.disabled]
    assert len(bench.prompts.all(filled.id)) == 1
    app.text_input(key=f"prompt_{filled.id}_item").set_value("{text} => {label}").run()
    assert errors(app) == []
    app = button(app, "Save as a new version")
    assert bench.prompts.all(filled.id)[0].template.item == "{text} => {label}"
    assert app.button(key="prompt_save").disabled
    assert app.button(key="prompt_continue").label == "Continue: generate"
    assert not app.toast


def test_with_a_broken_template_the_save_button_stays_and_explains_why_it_is_disabled(
    open_page: Open, filled: Task
) -> None:
    app = open_page("prompt")
    app.text_input(key=f"prompt_{filled.id}_item").set_value("{text}").run()
    save = app.button(key="prompt_save")
    assert save.disabled
    assert save.help == "Fix the template first"


def test_a_saved_prompt_stays_in_the_editor(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("prompt")
    key = f"prompt_{filled.id}_item"
    app.selectbox(key="prompt_strategy").set_value("mix").run()
    app.text_input(key=key).set_value("{text} => {label}").run()
    button(app, "Save as a new version")
    button(app, "Other seeds")
    assert app.text_input(key=key).value == "{text} => {label}"
    assert app.selectbox(key=f"prompt_{filled.id}_version").value == 2
    assert "=> " in app.code[0].value
    assert len(bench.prompts.all(filled.id)) == 2


def test_the_prompt_page_says_which_parts_of_the_template_the_prompt_uses(open_page: Open, filled: Task) -> None:
    app = open_page("prompt")
    assert app.selectbox(key="prompt_strategy").value == "conditional"
    app.text_input(key=f"prompt_{filled.id}_given_item").set_value("{label} >> {text}").run()
    app.text_input(key=f"prompt_{filled.id}_item").set_value("{text} => {label}").run()
    assert errors(app) == []

    def captions() -> str:
        return "\n".join(caption.value for caption in app.caption).replace("\\", "")

    assert app.code[-1].value.endswith("joy >>")
    assert "=>" not in app.code[-1].value

    assert "For a text with the label joy; the labels take turns. Made from the description and the given" in captions()
    button(app, "Other seeds")
    assert "For a text with the label anger" in captions()
    assert app.code[-1].value.endswith("anger >>")
    app.selectbox(key="prompt_strategy").set_value("mix").run()
    assert "=> " in app.code[-1].value
    assert "Made from the description, the item and the open item." in captions()
    assert app.text_input(key=f"prompt_{filled.id}_given_item").value == "{label} >> {text}"  # folded away, kept


def test_label_words_are_proposed_edited_saved_and_proposed_again(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("prompt")
    app.session_state[f"prompt_{filled.id}_words_open"] = True
    app.run()
    key = f"prompt_{filled.id}_knowledge_False"
    proposed = app.text_area(key=f"{key}_words_0").value
    assert "happy" in proposed.splitlines()
    assert app.button(key="prompt_words_save").disabled
    app.text_area(key=f"{key}_words_0").set_value("bliss\n\nbliss\n cheer ").run()
    button(app, "Save words")
    assert errors(app) == []
    saved = bench.tasks.label_knowledge(filled.id)
    assert saved is not None
    assert saved.words_of(filled.labels[0]) == ("bliss", "cheer")
    assert app.text_area(key=f"prompt_{filled.id}_knowledge_True_words_0").value == "bliss\ncheer"
    button(app, "Propose again")
    assert bench.tasks.label_knowledge(filled.id) is None
    assert app.text_area(key=f"{key}_words_0").value == proposed


def test_words_that_cannot_be_used_are_refused_in_a_sentence(open_page: Open, bench: Store, filled: Task) -> None:
    app = open_page("prompt")
    app.session_state[f"prompt_{filled.id}_words_open"] = True
    app.run()
    app.text_area(key=f"prompt_{filled.id}_knowledge_False_words_0").set_value("  ").run()
    assert any("has no words" in error for error in errors(app))
    assert app.button(key="prompt_words_save").disabled
    assert bench.tasks.label_knowledge(filled.id) is None
