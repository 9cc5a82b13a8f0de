// A small floor finder for a page of your own: file or camera, progress, results, feedback.
// What answers say becomes text nodes, never HTML. No dependencies. Licence: Apache-2.0.

import { Floorlens } from "./floorlens.js";

export const TEXTS = {
  choose: "Choose a photo of your floor",
  take: "Take a photo",
  drop: "or drop one here",
  privacy: "The photo is made small on your device, without its place and time, before it is sent.",
  preparing: "Making the photo smaller …",
  searching: "Looking for floors like this …",
  waiting: "Many are searching just now: waiting for our turn …",
  // total is null where there are more designs than are shown, and nobody has counted them.
  results: (count, total) => `${count} ${total ? `of ${total} ` : ""}floors, the closest first`,
  floor: "Your photo; the floor that was searched for is tinted",
  more: "Show more",
  right: "This is it",
  wrong: "Not this one",
  thanks: "Thank you",
  all: "All",
  retry: "Try again",
  // By the code of an error; others show what the service says.
  "no-floor-found": "No floor was found in this photo. Take one with the floor in its lower half.",
  "image-unreadable": "This file is no photo that can be read.",
  "nothing-to-rank": "No floor fits these wishes.",
  "search-not-found": "This search is no longer kept. Please choose your photo again.",
  "key-invalid": "The floor search is not set up on this page: its key is not valid.",
  "key-missing": "The floor search is not set up on this page: its key is missing.",
};

const SHEET = `
:host { display: block; --accent: #1a7f64; --line: 1px solid color-mix(in srgb, currentColor 30%, transparent); }
.drop { border: 2px dashed; border-color: color-mix(in srgb, currentColor 35%, transparent); border-radius: 12px;
  padding: 1rem; text-align: center; }
.drop.over { border-color: var(--accent); }
label, button { display: inline-block; margin: .25rem; padding: .6rem 1rem; border: var(--line); border-radius: 8px;
  font: inherit; color: inherit; background: none; cursor: pointer; }
label.main { background: var(--accent); color: #fff; }
label:focus-within, button:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button[aria-pressed=true] { box-shadow: inset 0 0 0 2px var(--accent); }
input { position: absolute; width: 1px; height: 1px; opacity: 0; }
small, li span { display: block; font-size: .9em; margin-top: .3rem; }
progress { width: 100%; accent-color: var(--accent); }
[role=alert]:not(:empty) { border-left: 4px solid #b3261e; padding: .5rem .8rem; margin: .6rem 0; }
.photo { position: relative; max-width: 20rem; margin: .8rem 0; }
.photo svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.photo path { fill: var(--accent); fill-opacity: .35; stroke: var(--accent); fill-rule: evenodd; }
ol { list-style: none; padding: 0; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); }
li { border: var(--line); border-radius: 10px; overflow: hidden; overflow-wrap: anywhere; }
img { display: block; width: 100%; }
li img { aspect-ratio: 4 / 3; object-fit: cover; }
li div { padding: .5rem .7rem; }
li a { color: inherit; }
li button { font-size: .85em; padding: .3rem .6rem; margin: .4rem .3rem 0 0; }
[hidden] { display: none !important; }`;

function make(tag, facts = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((one) => one != null));
  return element;
}

// What would come of the same again.
const USELESS = ["no-floor-found", "image-unreadable", "nothing-to-rank", "filter-invalid",
  "search-not-found"];

function press(group, button) {
  for (const one of group.querySelectorAll("button")) one.setAttribute("aria-pressed", one === button);
}

function linkOf(text) {
  try {
    const url = new URL(text, document.baseURI);
    return /^https?:$/.test(url.protocol) ? url.href : null; // Data may say "javascript:".
  } catch {
    return null;
  }
}

/**
 * Shows a finder in an element; returns { lens, remove }.
 * Options beside those of Floorlens: limit (12), wishes, filters ([{label, where}]), texts,
 * link (match => address; without it the product's own field `url` or `link`).
 */
export function mount(element, options) {
  const texts = { ...TEXTS, ...options.texts };
  const { limit = 12, wishes = {}, filters = [] } = options;
  const link = options.link ?? ((match) => match.metadata.url ?? match.metadata.link);
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];
  let last = null; // the photo
  let current = null; // the answer
  let picture = null; // the photo's address in this page

  const status = make("p", { role: "status" });
  const bar = make("progress", { hidden: true, "aria-label": texts.searching });
  const alarm = make("div", { role: "alert" });
  const photo = make("div", { className: "photo", hidden: true });
  const chips = make("div", { role: "group", hidden: true });
  const list = make("ol");
  const more = make("button", { type: "button", textContent: texts.more, hidden: true });
  const drop = make("div", { className: "drop" }, picker(texts.choose, "main"),
    picker(texts.take, "", { capture: "environment" }), make("span", { textContent: texts.drop }),
    make("small", { textContent: texts.privacy }));
  const onstage = (stage) => (status.textContent = texts[stage]);
  const lens = new Floorlens({ ...options, onstage });

  function picker(text, className, facts = {}) {
    const input = make("input", { type: "file", accept: "image/*,.heic,.heif", ...facts });
    input.addEventListener("change", () => {
      if (input.files[0]) start(input.files[0]);
      input.value = ""; // So that the same file can be chosen again.
    });
    return make("label", { className }, text, input);
  }

  function start(file) {
    last = file;
    press(chips, chips.firstChild);
    photo.hidden = chips.hidden = more.hidden = true;
    list.replaceChildren();
    run(() => lens.search(file, { limit, ...wishes }), () => start(file));
  }

  async function run(ask, again) {
    alarm.replaceChildren();
    bar.hidden = false;
    try {
      show(await ask());
      bar.hidden = true;
    } catch (error) {
      if (error.name === "AbortError") return; // A newer one runs.
      bar.hidden = true;
      status.textContent = "";
      list.replaceChildren(); // What they show is not what was asked for.
      more.hidden = true;
      fail(error, again);
    }
  }

  function fail(error, again) {
    const button = make("button", { type: "button", textContent: texts.retry });
    button.addEventListener("click", again);
    const useless = USELESS.includes(error.code);
    alarm.replaceChildren(texts[error.code] ?? error.message, useless ? "" : button);
  }

  function show(answer) {
    current = answer;
    list.replaceChildren(...answer.matches.map(card));
    chips.hidden = filters.length === 0;
    showPhoto(answer.floors[0]);
    settle();
  }

  function settle() {
    const shown = list.children.length;
    const all = !current.next_cursor ? shown : current.query.group ? null : current.total;
    status.textContent = texts.results(shown, all);
    more.hidden = !current.next_cursor || !current.id;
  }

  function showPhoto(floor) {
    if (picture) URL.revokeObjectURL(picture);
    picture = URL.createObjectURL(last);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    if (floor) {
      svg.setAttribute("viewBox", `0 0 ${floor.photo_size.join(" ")}`);
      for (const rings of floor.polygons) {
        const path = document.createElementNS(svg.namespaceURI, "path");
        path.setAttribute("d", rings.map((ring) => `M${ring.join("L")}Z`).join(""));
        svg.append(path);
      }
    }
    photo.replaceChildren(make("img", { src: picture, alt: texts.floor }), svg);
    photo.hidden = false;
  }

  function card(match) {
    const source = lens.image(match);
    const target = link(match);
    const href = target ? linkOf(target) : null;
    const name = make("b", { textContent: match.name });
    const item = make("li", { "data-product": match.id },
      source && make("img", { src: source, alt: match.name, loading: "lazy" }));
    const text = make("div", {}, href ? make("a", { href }, name) : name,
      match.word && make("span", { textContent: match.word }), make("span", { textContent: match.reason }));
    for (const verdict of current.id ? ["right", "wrong"] : []) {
      const label = `${texts[verdict]}: ${match.name}`;
      const button = make("button", { type: "button", textContent: texts[verdict], "aria-label": label });
      const id = current.id;
      button.addEventListener("click", async () => {
        try {
          await lens.feedback(id, match.id, verdict);
          press(text, button);
          status.textContent = texts.thanks;
        } catch (error) {
          fail(error, () => button.click());
        }
      });
      text.append(button);
    }
    item.append(text);
    return item;
  }

  for (const { label, where } of [{ label: texts.all, where: null }, ...filters]) {
    const chip = make("button", { type: "button", textContent: label, "aria-pressed": "false" });
    chip.addEventListener("click", () => {
      press(chips, chip);
      const next = { ...wishes, limit, where: where ?? wishes.where ?? null };
      run(() => (current?.id ? lens.refine(current.id, next) : lens.search(last, next)), () => chip.click());
    });
    chips.append(chip);
  }
  more.addEventListener("click", async () => {
    try {
      const page = await lens.more(current.id, current.next_cursor, limit);
      current = { ...current, next_cursor: page.next_cursor };
      list.append(...page.matches.map(card));
      settle();
    } catch (error) {
      fail(error, () => more.click());
    }
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) start(event.dataTransfer.files[0]);
    });
  }
  root.replaceChildren(drop, bar, status, alarm, photo, chips, list, more);
  const remove = () => (lens.abort(), picture && URL.revokeObjectURL(picture), root.replaceChildren());
  return { lens, remove };
}
