// The desk in the browser: a key answers at once with the next card, which lies here already; the server is told, stores
// the decision and deals more. Texts are only ever text nodes.

const KEYS = { a: "accept", x: "reject", s: "skip", z: "undo", ArrowLeft: "back", ArrowRight: "forth" };
const DECISIONS = ["label", "accept", "reject"];
const LEAVES = [...DECISIONS, "skip", "forth"]; // acts after which the next card is shown
const ONCE = [...DECISIONS, "undo"]; // of a double click the second one would hit another card
const TYPED_INTO = "input, textarea, select, [contenteditable='true'], [role='combobox'], [role='listbox'], [role='menu']";
const OPEN = "[data-testid='stDialog'], [data-testid='stPopoverBody']"; // lies over the card
const MOVED_IN = "[role='tab'], [role='slider'], [role='radio'], [role='grid']"; // arrows have a meaning there
const SURPRISE_MS = 500; // a card that the server put there answers no key sooner: it may be meant for the one before
const LATE_MS = 3000; // a decision that the server has not acknowledged by then is spoken of
const DOUBLE_MS = 300; // the second click of a double click comes sooner
const AGAIN_MS = 5000; // a run of the server that was ended early may not have listened
const desks = new WeakMap();

// What the server has not acknowledged: sent again with every act, and kept over a change of page and a reload. ---------

const outbox = {
  name: "augment_review_outbox",
  mount: Math.random().toString(36).slice(2),
  number: 0,
  session: "",
  acts: [],

  add(act) {
    this.number += 1;
    this.acts = [...this.acts, { n: this.number, at: Date.now(), ...act }];
    this.keep();
  },

  // What is left after the server's answer; of another session's acts only those that can be done again.
  open(session, done) {
    this.acts = this.acts.filter((one) => one.n > (done[this.mount] ?? 0));
    if (!this.session) this.acts = this.kept();
    const isOther = session !== this.session;
    this.session = session;
    if (isOther) this.acts = this.acts.filter((one) => DECISIONS.includes(one.kind) || one.kind === "note");
    this.keep();
    return isOther;
  },

  keep() {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.acts));
    } catch {
      // Without storage a reload forgets them.
    }
  },

  kept() {
    try {
      const acts = JSON.parse(sessionStorage.getItem(this.name) ?? "[]");
      this.number = Math.max(0, ...acts.map((one) => one.n));
      return acts.map((one) => ({ ...one, at: Date.now() }));
    } catch {
      return [];
    }
  },
};

// Which card an act is about, how it stood there, and how its text begins: ids of another database are other texts.
const ofCard = ({ id, event, is_blind, text }) => ({ id, event, is_blind, begins: [...text].slice(0, 80).join("") });

const keptHere = (n) =>
  `${n === 1 ? "1 step is" : `${n} steps are`} not stored yet, as the server does not answer. ` +
  `This tab keeps ${n === 1 ? "it" : "them"} and goes on trying: leave it open.`;

// A list keeps the keyboard after something was chosen from it; the next key would be typed into it.
function leaveList() {
  const active = document.activeElement;
  if (active?.matches("[role='combobox'][aria-expanded='false']")) active.blur(); // an open one is being used
}

class Desk {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.drafts = new Map(); // text id → a note that is not saved
    this.surprisedAt = -Infinity;
    this.clickedAt = -Infinity;
    this.onKey = (event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
    for (const button of root.querySelectorAll("[data-act]")) {
      button.addEventListener("click", (event) => this.click(event, button.dataset.act));
    }
    const note = this.find(".note");
    note.addEventListener("input", () => this.drafts.set(this.shown?.id, note.value));
    note.addEventListener("change", () => this.saveNote());
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.drafts.delete(this.shown?.id);
        note.value = this.shown?.note ?? "";
      }
      if (["Enter", "Escape"].includes(event.key)) note.blur(); // the keys work again
    });
  }

  leave() {
    clearTimeout(this.timer);
    clearTimeout(this.lateTimer);
    document.removeEventListener("keydown", this.onKey);
  }

  deal(data) {
    const isFirst = !this.data;
    const wasWaiting = !isFirst && this.isWaiting;
    const isOtherQueue = !isFirst && data.queue !== this.data.queue;
    if (isOtherQueue) leaveList(); // an order or a filter was chosen: the keys are ours
    this.data = data;
    this.dealtAt = performance.now();
    const isOther = outbox.open(data.session, data.done);
    const isOtherCard = this.shown && this.card && this.card.id !== this.shown.id && !wasWaiting;
    if (isOtherCard || isOtherQueue) this.surprisedAt = performance.now();
    this.draw();
    if ((isFirst || isOther) && outbox.acts.length) this.tell(); // nobody has told this server
  }

  get isWaiting() { // for a card that only the server knows
    return outbox.acts.some((one) => ["undo", "back"].includes(one.kind)) || (!this.card && !this.isAtEnd);
  }

  get isLate() { // the server has not answered for a while
    return outbox.acts.length > 0 && Date.now() - outbox.acts[0].at > LATE_MS;
  }

  get isAtEnd() {
    return this.data.cards.length === 0;
  }

  get card() { // the first that was not left
    const left = new Set(outbox.acts.filter((one) => LEAVES.includes(one.kind)).map((one) => one.id));
    const place = this.data.cards.findIndex((one) => !left.has(one.id));
    const isOurs = performance.now() - this.dealtAt < 1000 * this.data.ahead_s; // else the server is asked first
    return place === 0 || isOurs ? this.data.cards[place] : undefined;
  }

  click(event, kind, more = {}) {
    const isSecond = event.detail > 1 && event.timeStamp - this.clickedAt < DOUBLE_MS;
    this.clickedAt = event.timeStamp;
    if (!isSecond || !ONCE.includes(kind)) this.act(kind, more);
  }

  act(kind, more = {}) {
    const card = this.card;
    const act = { kind, ...more };
    if (kind === "undo") {
      act.after = outbox.acts.filter((one) => DECISIONS.includes(one.kind)).at(-1)?.n ?? 0;
    } else {
      if (this.isWaiting) return;
      if (kind !== "back") {
        if (!card || performance.now() - this.surprisedAt < SURPRISE_MS) return;
        Object.assign(act, ofCard(card));
      }
    }
    outbox.add(act);
    this.draw();
    this.tell();
  }

  tell() {
    this.n_told = (this.n_told ?? 0) + 1; // the server hears of a value only if it differs
    this.send({ session: outbox.session, mount: outbox.mount, acts: outbox.acts, n_told: this.n_told });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => outbox.acts.length && this.tell(), AGAIN_MS);
    this.watch();
  }

  watch() { // once, from the first act on that is not acknowledged
    clearTimeout(this.lateTimer);
    if (!outbox.acts.length || this.isLate) return;
    this.lateTimer = setTimeout(() => this.draw(), outbox.acts[0].at + LATE_MS + 50 - Date.now());
  }

  saveNote() {
    const card = this.shown;
    const note = this.find(".note").value.trim();
    this.drafts.delete(card?.id);
    if (!card || note === card.note) return;
    card.note = note;
    outbox.add({ kind: "note", note, ...ofCard(card) });
    this.draw();
    this.tell();
  }

  press(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest?.(TYPED_INTO) || document.querySelector(OPEN)) return;
    const isArrow = event.key.startsWith("Arrow");
    if (isArrow && (event.shiftKey || target.closest?.(MOVED_IN))) return;
    const kind = KEYS[isArrow ? event.key : event.key.toLowerCase()];
    const button = kind
      ? this.find(`[data-act="${kind}"]`)
      : /^[1-9]$/.test(event.key) && this.find(".labels").querySelectorAll("button.key")[event.key - 1];
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  // Drawing: what is there already is changed, so that a click or the focus on it is not lost. ------------------------

  draw() {
    const { card, data } = this;
    const isWaiting = this.isWaiting;
    const isEnd = !card && this.isAtEnd;
    this.find(".desk").classList.toggle("is-waiting", isWaiting);
    this.find(".card").setAttribute("aria-busy", isWaiting);
    if (card) this.drawCard(card);
    this.find(".end").hidden = !isEnd;
    for (const part of [".read", "aside", ".labels"]) this.find(part).hidden = isEnd;
    if (card || isEnd) this.find(".note").hidden = isEnd || card.note === null; // of a second opinion: it may tell
    if (isEnd) ["strong", "span"].forEach((part, i) => { this.find(`.end ${part}`).textContent = data.end[i]; });
    const told = this.isLate ? keptHere(outbox.acts.length) : outbox.acts.length ? " " : data.last;
    if (this.find(".last").textContent !== told) this.find(".last").textContent = told; // else it is read out again
    this.find(".last").classList.toggle("is-late", this.isLate);
    for (const kind of ["accept", "reject", "skip", "forth"]) this.able(`[data-act="${kind}"]`, card && !isWaiting);
    this.able("[data-act='undo']", data.can_undo || outbox.acts.length > 0);
    this.able("[data-act='back']", (data.can_go_back || outbox.acts.length > 0) && !isWaiting);
  }

  able(selector, isAble) {
    this.find(selector).disabled = !isAble;
  }

  drawCard(card) {
    const text = this.find(".text");
    if (text.textContent !== card.text) {
      text.textContent = card.text;
      this.find(".read").scrollTop = 0;
    }
    this.drawLines(".flags", card.flags);
    this.drawLines(".facts", card.facts);
    const label = this.find(".label");
    label.textContent = card.label;
    label.style.setProperty("--colour", this.data.colours[this.data.labels.indexOf(card.label)] ?? "gray");
    this.drawLabels(card);
    this.drawNote(card);
    this.shown = card;
  }

  drawLines(selector, lines) {
    this.find(selector).replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  drawLabels(card) {
    const { labels } = this.data;
    const known = JSON.stringify(labels);
    if (this.labelled !== known) {
      this.labelled = known;
      const others = labels.length > 9 ? this.makeOthers(labels.slice(9)) : [];
      this.find(".labels").replaceChildren(...labels.slice(0, 9).map((label, i) => this.makeKey(label, i)), ...others);
    }
    this.find(".labels").querySelectorAll("button.key").forEach((button, i) => {
      button.setAttribute("aria-pressed", labels[i] === card.label);
      button.style.setProperty("--share", card.probs ? `${100 * card.probs[i]}%` : "0%");
      button.querySelector(".prob").textContent = card.probs ? card.probs[i].toFixed(2) : "";
    });
    const select = this.find(".labels select");
    if (select && this.shown?.id !== card.id) select.value = labels.indexOf(card.label) > 8 ? card.label : "";
  }

  makeKey(label, i) {
    const button = document.createElement("button");
    const parts = ["kbd", "span", "span"].map((one) => document.createElement(one));
    [i + 1, label, ""].forEach((text, part) => { parts[part].textContent = text; });
    parts[1].className = "name";
    parts[2].className = "prob";
    button.type = "button";
    button.className = "key";
    button.title = label;
    button.setAttribute("aria-keyshortcuts", i + 1);
    button.style.setProperty("--colour", this.data.colours[i]);
    button.append(...parts);
    button.addEventListener("click", (event) => this.click(event, "label", { label }));
    return button;
  }

  makeOthers(labels) { // from the tenth on, which have no key
    const select = document.createElement("select");
    const button = document.createElement("button");
    select.setAttribute("aria-label", "Other label");
    select.append(new Option("Other label …", ""), ...labels.map((label) => new Option(label, label)));
    button.type = "button";
    button.textContent = "Set other label";
    button.addEventListener("click", (event) => select.value && this.click(event, "label", { label: select.value }));
    return [select, button];
  }

  drawNote(card) {
    if (this.shown?.id === card.id && this.drafts.has(card.id)) return; // what is being typed stays
    this.find(".note").value = this.drafts.get(card.id) ?? card.note ?? "";
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
