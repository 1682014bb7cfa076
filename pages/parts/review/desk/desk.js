// The desk in the browser: a key shows the next card at once, which is here already; the server stores the decision and
// sends more cards. Texts are only ever text nodes.

const KEYS = { a: "accept", x: "reject", s: "skip", z: "undo", ArrowLeft: "back", ArrowRight: "forth" };
const DECISIONS = ["label", "accept", "reject"];
const LEAVING = [...DECISIONS, "skip", "forth"]; // actions after which the next card is shown
const ONCE = [...DECISIONS, "undo"]; // the second half of a double click would affect another card
const TYPED_INTO = "input, textarea, select, [contenteditable='true'], [role='combobox'], [role='listbox'], [role='menu']";
const OVERLAY = "[data-testid='stDialog'], [data-testid='stPopoverBody']"; // covers the card
const ARROW_KEYED = "[role='tab'], [role='slider'], [role='radio'], [role='grid']"; // arrows do something else there
const SURPRISE_MS = 500; // a card that the server put there ignores keys for so long: they may be meant for the last
const LATE_MS = 3000; // a decision that is not acknowledged by then is mentioned
const DOUBLE_MS = 300; // the second click of a double click comes sooner
const RESEND_MS = 5000; // a script run that was ended early may not have received it
const desks = new WeakMap();

// What the server has not acknowledged: sent again with every action, and kept over a change of page and a reload.

const outbox = {
  name: "augment_review_actions",
  mount: Math.random().toString(36).slice(2),
  number: 0,
  session: "",
  actions: [],

  add(action) {
    this.number += 1;
    this.actions = [...this.actions, { number: this.number, at: Date.now(), ...action }];
    this.store();
  },

  // Drop what the server acknowledged; of another session's actions keep only those that can be applied again.
  acknowledge(session, acknowledged) {
    this.actions = this.actions.filter((action) => action.number > (acknowledged[this.mount] ?? 0));
    if (!this.session) this.actions = this.stored();
    const isOther = session !== this.session;
    this.session = session;
    if (isOther) this.actions = this.actions.filter(({ kind }) => DECISIONS.includes(kind) || kind === "note");
    this.store();
    return isOther;
  },

  store() {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.actions));
    } catch {
      // Without storage a reload loses them.
    }
  },

  stored() {
    try {
      const actions = JSON.parse(sessionStorage.getItem(this.name) ?? "[]");
      this.number = Math.max(0, ...actions.map((action) => action.number));
      return actions.map((action) => ({ ...action, at: Date.now() }));
    } catch {
      return [];
    }
  },
};

// Which card an action is about, its last event, and how its text begins: in another database the same id is another text.
const identify = ({ id, event, is_blind, text }) => ({
  id, event, is_blind, text_start: [...text].slice(0, 80).join(""),
});

const describeUnstored = (n) =>
  `${n === 1 ? "1 step is" : `${n} steps are`} not stored yet because the server does not answer. ` +
  `This tab keeps trying to send ${n === 1 ? "it" : "them"}: leave the tab open.`;

// A select box keeps the focus after something was chosen from it; the next key would be typed into it.
function leaveSelectBox() {
  const active = document.activeElement;
  if (active?.matches("[role='combobox'][aria-expanded='false']")) active.blur(); // an open one is being used
}

class Desk {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.drafts = new Map(); // text id → a note that is not saved
    this.surprisedAt = -Infinity;
    this.clickedAt = -Infinity;
    this.listeners = new AbortController(); // the next mount may get the same elements
    const { signal } = this.listeners;
    document.addEventListener("keydown", (event) => this.press(event), { signal });
    for (const button of root.querySelectorAll("[data-action]")) {
      button.addEventListener("click", (event) => this.click(event, button.dataset.action), { signal });
    }
    const note = this.find(".note");
    note.addEventListener("input", () => this.drafts.set(this.shown?.id, note.value), { signal });
    note.addEventListener("change", () => this.saveNote(), { signal });
    note.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.drafts.delete(this.shown?.id);
        note.value = this.shown?.note ?? "";
      }
      if (["Enter", "Escape"].includes(event.key)) note.blur(); // the keys work again
    }, { signal });
  }

  leave() {
    clearTimeout(this.timer);
    clearTimeout(this.lateTimer);
    this.listeners.abort();
  }

  isAheadOf({ session, number }) {
    return session === this.data.session && number < this.data.number;
  }

  receive(data) {
    const isFirst = !this.data;
    const wasWaiting = !isFirst && this.isWaiting;
    const isOtherQueue = !isFirst && data.queue !== this.data.queue;
    if (isOtherQueue) leaveSelectBox(); // an order or a filter was chosen: keys are for the desk again
    this.data = data;
    this.receivedAt = performance.now();
    const isOther = outbox.acknowledge(data.session, data.acknowledged);
    const isOtherCard = this.shown && this.card && this.card.id !== this.shown.id && !wasWaiting;
    if (isOtherCard || isOtherQueue) this.surprisedAt = performance.now();
    this.draw();
    if ((isFirst || isOther) && outbox.actions.length) this.sendAll(); // this session has not received them
  }

  get isWaiting() { // for a card that only the server knows
    return outbox.actions.some(({ kind }) => ["undo", "back"].includes(kind)) || (!this.card && !this.isAtEnd);
  }

  get isLate() { // the server has not answered for a while
    return outbox.actions.length > 0 && Date.now() - outbox.actions[0].at > LATE_MS;
  }

  get isAtEnd() {
    return this.data.cards.length === 0;
  }

  get card() { // the first that was not left
    const left = new Set(outbox.actions.filter(({ kind }) => LEAVING.includes(kind)).map(({ id }) => id));
    const place = this.data.cards.findIndex(({ id }) => !left.has(id));
    const isOurs = performance.now() - this.receivedAt < 1000 * this.data.ahead_s; // else the server is asked first
    return place === 0 || isOurs ? this.data.cards[place] : undefined;
  }

  click(event, kind, more = {}) {
    const isSecond = event.detail > 1 && event.timeStamp - this.clickedAt < DOUBLE_MS;
    this.clickedAt = event.timeStamp;
    if (!isSecond || !ONCE.includes(kind)) this.perform(kind, more);
  }

  perform(kind, more = {}) {
    const card = this.card;
    const action = { kind, ...more };
    if (kind === "undo") {
      action.after = outbox.actions.filter((earlier) => DECISIONS.includes(earlier.kind)).at(-1)?.number ?? 0;
    } else {
      if (this.isWaiting) return;
      if (kind !== "back") {
        if (!card || performance.now() - this.surprisedAt < SURPRISE_MS) return;
        Object.assign(action, identify(card));
      }
    }
    outbox.add(action);
    this.draw();
    this.sendAll();
  }

  sendAll() {
    this.nSent = (this.nSent ?? 0) + 1; // Streamlit sends a value only if it differs from the last
    this.send({ session: outbox.session, mount: outbox.mount, actions: outbox.actions, n_sent: this.nSent });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => outbox.actions.length && this.sendAll(), RESEND_MS);
    this.watch();
  }

  watch() { // once, from the first action that is not acknowledged
    clearTimeout(this.lateTimer);
    if (!outbox.actions.length || this.isLate) return;
    this.lateTimer = setTimeout(() => this.draw(), outbox.actions[0].at + LATE_MS + 50 - Date.now());
  }

  saveNote() {
    const card = this.shown;
    const note = this.find(".note").value.trim();
    this.drafts.delete(card?.id);
    if (!card || note === card.note) return;
    card.note = note;
    outbox.add({ kind: "note", note, ...identify(card) });
    this.draw();
    this.sendAll();
  }

  press(event) {
    const target = event.composedPath()[0];
    if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest?.(TYPED_INTO) || document.querySelector(OVERLAY)) return;
    const isArrow = event.key.startsWith("Arrow");
    if (isArrow && (event.shiftKey || target.closest?.(ARROW_KEYED))) return;
    const kind = KEYS[isArrow ? event.key : event.key.toLowerCase()];
    const button = kind
      ? this.find(`[data-action="${kind}"]`)
      : /^[1-9]$/.test(event.key) && this.find(".labels").querySelectorAll("button.key")[event.key - 1];
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  // Drawing: elements are changed, not replaced, so that a click or the focus on them is not lost. -------------------

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
    const last = this.isLate ? describeUnstored(outbox.actions.length) : outbox.actions.length ? " " : data.last;
    if (this.find(".last").textContent !== last) this.find(".last").textContent = last; // else it is read out again
    this.find(".last").classList.toggle("is-late", this.isLate);
    for (const kind of ["accept", "reject", "skip", "forth"]) this.enable(`[data-action="${kind}"]`, card && !isWaiting);
    this.enable("[data-action='undo']", data.can_undo || outbox.actions.length > 0);
    this.enable("[data-action='back']", (data.can_go_back || outbox.actions.length > 0) && !isWaiting);
    this.enable(".note", true);
    for (const control of this.find(".labels").children) control.disabled = data.is_locked;
  }

  enable(selector, isEnabled) { // nothing is, until it is known who reviews
    this.find(selector).disabled = this.data.is_locked || !isEnabled;
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
    const parts = ["kbd", "span", "span"].map((tag) => document.createElement(tag));
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

  makeOthers(labels) { // from the tenth on: they have no key
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

// Streamlit calls this with each new view. While the module loads it may call with an older view last.
export default function ({ data, parentElement, setStateValue }) {
  const known = desks.get(parentElement);
  if (known?.isAheadOf(data)) return () => {};
  const desk = known ?? new Desk(parentElement);
  const call = {};
  desks.set(parentElement, desk);
  desk.call = call;
  desk.send = (sent) => setStateValue("sent", sent);
  desk.receive(data);
  return () => {
    if (desk.call !== call) return; // a later call uses the same desk
    desk.leave();
    desks.delete(parentElement);
  };
}
