// The desk in the browser: a key answers at once with the next card, which lies here already; the server is told, stores
// the decision and deals more. Texts are only ever text nodes. What was not yet acknowledged is sent again with the next
// act, and the server takes each act once, by its number.

const KEYS = { a: "accept", x: "reject", s: "skip", z: "undo", ArrowLeft: "back", ArrowRight: "forth" };
const LEAVES = ["label", "accept", "reject", "skip", "forth"]; // acts after which the next card is shown
const TYPED_INTO = "input, textarea, select, [contenteditable='true'], [role='combobox'], [role='listbox'], [role='menu']";
const MOVED_IN = "[role='tab'], [role='slider'], [role='radio'], [role='grid']"; // arrows have a meaning there
const desks = new WeakMap();

class Desk {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.mount = Math.random().toString(36).slice(2);
    this.acts = []; // not acknowledged yet
    this.number = 0;
    this.onKey = (event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
    for (const button of root.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => this.act(button.dataset.act));
    }
    const note = this.find(".note");
    note.addEventListener("change", () => this.saveNote());
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape") note.value = this.notedCard?.note ?? "";
      if (["Enter", "Escape"].includes(event.key)) note.blur(); // the keys work again
    });
  }

  leave() {
    document.removeEventListener("keydown", this.onKey);
  }

  deal(data) {
    this.data = data;
    this.dealtAt = performance.now();
    this.acts = this.acts.filter((one) => one.n > (data.done[this.mount] ?? 0));
    this.draw();
  }

  get isWaiting() { // for a card that only the server knows
    return this.acts.some((one) => ["undo", "back"].includes(one.kind)) || (!this.card && !this.isAtEnd);
  }

  get isAtEnd() {
    return this.data.cards.length === 0;
  }

  get card() {
    const place = this.acts.filter((one) => LEAVES.includes(one.kind)).length;
    const isOurs = performance.now() - this.dealtAt < 1000 * this.data.ahead_s; // else the server is asked first
    return place === 0 || isOurs ? this.data.cards[place] : undefined;
  }

  act(kind, more = {}) {
    const card = this.card;
    const isOfCard = kind !== "undo" && kind !== "back";
    if (isOfCard && (this.isWaiting || !card)) return;
    if (kind === "back" && this.isWaiting) return;
    if (isOfCard) Object.assign(more, { id: card.id, event: card.event });
    this.tell({ kind, ...more });
  }

  tell(act) {
    this.number += 1;
    this.acts = [...this.acts, { n: this.number, ...act }];
    this.draw();
    this.send({ mount: this.mount, acts: this.acts });
  }

  saveNote() {
    const card = this.notedCard;
    const note = this.find(".note").value.trim();
    if (!card || note === card.note) return;
    card.note = note;
    this.tell({ kind: "note", id: card.id, event: card.event, note });
  }

  press(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest?.(TYPED_INTO) || document.querySelector("[aria-modal='true']")) return;
    const isArrow = event.key.startsWith("Arrow");
    if (isArrow ? target.closest?.(MOVED_IN) : event.repeat) return;
    const kind = KEYS[isArrow ? event.key : event.key.toLowerCase()];
    const button = kind
      ? this.find(`[data-act="${kind}"]`)
      : /^[1-9]$/.test(event.key) && this.find(".labels").querySelectorAll("button")[event.key - 1];
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  draw() {
    const { card, data } = this;
    const isWaiting = this.isWaiting;
    this.find(".desk").classList.toggle("is-waiting", isWaiting);
    this.find(".card").setAttribute("aria-busy", isWaiting);
    if (card) this.drawCard(card);
    const isEnd = !card && this.isAtEnd;
    this.find(".end").hidden = !isEnd;
    for (const part of [".read", "aside", ".labels"]) this.find(part).hidden = isEnd;
    if (card || isEnd) this.find(".note").hidden = isEnd || card.note === null; // of a second opinion: it may tell the first
    if (isEnd) ["strong", "span"].forEach((part, i) => { this.find(`.end ${part}`).textContent = data.end[i]; });
    this.find(".last").textContent = this.acts.length ? " " : data.last;
    for (const kind of ["accept", "reject", "skip", "forth"]) this.able(kind, card && !isWaiting);
    this.able("undo", data.can_undo || this.acts.length > 0);
    this.able("back", (data.can_go_back || this.acts.length > 0) && !isWaiting);
    for (const one of this.find(".labels").children) one.disabled = isWaiting;
  }

  able(kind, isAble) {
    this.find(`[data-act="${kind}"]`).disabled = !isAble;
  }

  drawCard(card) {
    const known = JSON.stringify(card);
    if (this.drawn === known) return;
    this.drawn = known;
    const text = this.find(".text");
    if (text.textContent !== card.text) {
      text.textContent = card.text;
      this.find(".read").scrollTop = 0;
    }
    this.list(".flags", card.flags);
    this.list(".facts", card.facts);
    const label = this.find(".label");
    label.textContent = card.label;
    label.style.setProperty("--colour", this.data.colours[this.data.labels.indexOf(card.label)] ?? "gray");
    this.drawLabels(card);
    this.drawNote(card);
  }

  list(selector, lines) {
    this.find(selector).replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  drawLabels(card) {
    const { labels, colours } = this.data;
    const row = this.find(".labels");
    const buttons = labels.slice(0, 9).map((label, i) => {
      const button = document.createElement("button");
      const [key, name] = ["kbd", "span"].map((one) => document.createElement(one));
      button.type = "button";
      button.setAttribute("aria-pressed", label === card.label);
      button.setAttribute("aria-keyshortcuts", i + 1);
      button.style.setProperty("--colour", colours[i]);
      key.textContent = i + 1;
      name.className = "name";
      name.textContent = label;
      button.title = label;
      button.append(key, name);
      if (card.probs) {
        const prob = document.createElement("span");
        prob.className = "prob";
        prob.textContent = card.probs[i].toFixed(2);
        button.style.setProperty("--share", `${100 * card.probs[i]}%`);
        button.append(prob);
      }
      button.addEventListener("click", () => this.act("label", { label }));
      return button;
    });
    row.replaceChildren(...buttons);
    if (labels.length > 9) row.append(this.otherLabels(labels.slice(9), card));
  }

  otherLabels(labels, card) { // from the tenth on, which have no key
    const select = document.createElement("select");
    select.setAttribute("aria-label", "Other label");
    select.append(new Option("Other label …", "", true, true));
    for (const label of labels) select.append(new Option(label, label, false, label === card.label));
    select.addEventListener("change", () => select.value && this.act("label", { label: select.value }));
    return select;
  }

  drawNote(card) {
    const note = this.find(".note");
    const isTyping = note.getRootNode().activeElement === note;
    if (isTyping && this.notedCard?.id === card.id) return; // what is being typed stays
    note.value = card.note ?? "";
    this.notedCard = card;
  }
}

export default function ({ data, parentElement, setStateValue }) {
  if (!desks.has(parentElement)) desks.set(parentElement, new Desk(parentElement));
  const desk = desks.get(parentElement);
  desk.send = (sent) => setStateValue("sent", sent);
  desk.deal(data);
  return () => {
    desk.leave();
    desks.delete(parentElement);
  };
}
