// The ranked products as cards, below what is said of all of them. Arrow keys move from card to
// card, Enter opens one.

// So many are drawn at once; of a first page the others follow when these are seen.
const FIRST = 9;

export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector(".cards");
  if (!root) {
    root = make("section", { className: "cards" });
    root.items = new Map();
    root.group = make("input", { type: "checkbox", role: "switch" });
    root.group.addEventListener("change", () => root.send("group", root.group.checked));
    root.head = make("header", {},
      make("h2"), make("label", {}, root.group, make("span")), make("p", { className: "verdict" }));
    root.more = make("button", { type: "button" });
    root.more.addEventListener("click", () => {
      // It stays where the keyboard is until the next cards are there.
      if (root.more.ariaDisabled === "true") return;
      root.more.ariaDisabled = "true";
      root.send("more", true);
    });
    root.foot = make("footer", {}, root.more, make("span"));
    root.band = make("section", { className: "band" }, make("h3"), make("ol", { className: "fl-cards" }));
    root.rest = make("ol", { className: "fl-cards" });
    root.append(root.head, root.band, root.rest, root.foot);
    root.addEventListener("keydown", (event) => move(root, event));
    root.addEventListener("pointerdown", (event) => closeMenus(root, event.target.closest("li")));
    parentElement.append(root);
  }
  root.send = setTriggerValue;
  const another = root.dataset.search !== data.search;
  root.dataset.search = data.search;
  root.texts = data.texts;
  const [title, label, verdict] = root.head.children;
  title.textContent = data.texts.results;
  label.lastChild.textContent = data.texts.group;
  root.group.checked = data.group;
  verdict.textContent = data.verdict;
  verdict.hidden = !data.verdict;
  root.foot.hidden = !data.more;
  root.more.textContent = data.texts.more;
  root.more.ariaDisabled = "false";
  root.foot.lastChild.textContent = data.more ?? "";
  const focus = root.getRootNode().activeElement;
  const before = root.items.size;
  const first = root.items.size ? data.cards.length : Math.max(FIRST, data.equals);
  fill(root, data, data.cards.slice(0, first));
  root.data = data;
  if (first < data.cards.length) {
    requestAnimationFrame(() => setTimeout(() => root.data === data && fill(root, data, data.cards)));
  }
  // A card that moved lost it.
  const next = focus === root.more && root.items.size > before && data.cards[before];
  const place = next ? root.items.get(next.id).querySelector(".open") : focus;
  if (place && root.contains(place)) place.focus({ preventScroll: true });
  // Asked from far down: what was asked for, and the matches it brings, stand at the top.
  if (another && root.likes && data.likes.some((like) => !root.likes.includes(like))) scrollToTop(root);
  root.likes = data.likes;
  if (!another) return;
  // For whoever measures the page in a browser: the frame that is drawn next shows them.
  const detail = { search: data.search, cards: root.items.size };
  requestAnimationFrame(() => performance.mark("floorlens-results", { detail }));
}

function scrollToTop(root) {
  for (let node = root.getRootNode().host; node; node = node.parentElement) node.scrollTo({ top: 0 });
}

/** Shows cards: those that cannot be told apart in a band, the others below it. */
function fill(root, data, cards) {
  const items = cards.map((card) => item(root, card));
  const shown = new Set(cards.map((card) => card.id));
  for (const id of root.items.keys()) if (!shown.has(id)) root.items.delete(id);
  const equals = data.equals > 1 ? Math.min(data.equals, items.length) : 0;
  root.band.hidden = !equals;
  root.band.firstChild.textContent = data.texts.equals;
  arrange(root.band.lastChild, items.slice(0, equals));
  arrange(root.rest, items.slice(equals));
  root.rest.setAttribute("aria-label", equals ? data.texts.rest : data.texts.results);
  root.band.lastChild.setAttribute("aria-label", data.texts.equals);
}

/** Returns the node of a card: the one that is there, drawn anew only if the card has changed. */
function item(root, card) {
  const state = JSON.stringify(card);
  let node = root.items.get(card.id);
  if (!node) {
    node = make("li", { dataset: { product: card.id } }, make("div", { className: "fl-card" }));
    node.actions = actions(root, card.id);
    root.items.set(card.id, node);
  }
  if (node.state === state) return node;
  node.state = state;
  const { texts } = root;
  const focus = node.getRootNode().activeElement;
  const focused = focus && node.contains(focus);
  const open = make("button", { type: "button", className: "open", title: card.name, textContent: card.name });
  open.setAttribute("aria-label", `${card.rank}. ${card.name}, ${card.word.text}`);
  open.addEventListener("click", () => root.send("open", { id: card.id }));
  const more = card.variants && make("button", { type: "button", className: "variants", textContent: card.variants });
  more?.addEventListener("click", () => root.send("open", { id: card.id, part: "design" }));
  const badge = (sign, text, kind = "") =>
    make("span", { className: `badge ${kind}` }, icon(sign), make("span", { textContent: text }));
  const badges = [
    card.verdict && badge(card.verdict, texts[card.verdict], card.verdict),
    card.compared && badge("compare", texts.comparedBadge),
    card.listed && badge("shortlist", texts.listedBadge),
  ];
  const before = node.querySelector("img");
  const picture = card.picture
    ? before?.getAttribute("src") === card.picture ? before : make("img", { alt: "", loading: "lazy", decoding: "async", width: 320, height: 240, src: card.picture })
    : make("div", { className: "fl-none", textContent: texts.noPicture });
  const shop = webLink(card.link, { className: "shop", "aria-label": card.linkLabel }, texts.shop, icon("shop"));
  const facts = make("p", { className: "fl-facts" },
    make("span", { textContent: card.material ?? "" }),
    card.price && make("span", { className: "fl-price", textContent: card.price }));
  for (const [name, button] of Object.entries(node.actions.buttons)) {
    const on = { compare: card.compared, shortlist: card.listed, like: card.liked, unlike: card.unliked }[name];
    const label = on ? texts.actions[name][1] : texts.actions[name][0];
    button.setAttribute("aria-pressed", Boolean(on));
    button.title = label;
    button.lastChild.textContent = label;
  }
  node.actions.group.setAttribute("aria-label", card.actionsLabel);
  node.actions.menu.setAttribute("aria-label", card.actionsLabel);
  const shown = node.firstChild;
  shown.classList.toggle("fl-first", card.word.kind === "same");
  shown.classList.toggle("far", card.word.kind === "far");
  arrange(shown, [
    make("div", { className: "picture" }, picture, more),
    make("span", { className: "fl-rank", textContent: card.rank, "aria-hidden": "true" }),
    make("div", { className: "badges" }, ...badges),
    make("div", { className: "text" },
      make("h3", { className: "fl-name" }, open),
      facts.textContent ? facts : null,
      make("p", { className: "line" }, wordBadge(card.word), shop),
      barList(card.bars, card.barsLabel)),
    node.actions.menu, node.actions.group,
  ]);
  if (focused && !focus.isConnected) open.focus({ preventScroll: true });
  return node;
}

/** Returns the quick actions of a card: a row on hover and focus, behind a button on touch. */
function actions(root, id) {
  const buttons = {};
  for (const name of ["compare", "shortlist", "like", "unlike"]) {
    const button = make("button", { type: "button" }, icon(name), make("span"));
    button.addEventListener("click", () => {
      closeMenus(root);
      root.send(name, id);
    });
    buttons[name] = button;
  }
  const group = make("div", { className: "actions", role: "group" }, ...Object.values(buttons));
  const menu = make("button", { type: "button", className: "menu", "aria-expanded": "false" }, icon("menu"));
  menu.addEventListener("click", () => {
    const open = menu.getAttribute("aria-expanded") !== "true";
    closeMenus(root);
    menu.setAttribute("aria-expanded", open);
    if (open) buttons.compare.focus();
  });
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.getAttribute("aria-expanded") !== "true") return;
    closeMenus(root);
    menu.focus();
  });
  return { buttons, group, menu };
}

function closeMenus(root, except = null) {
  for (const node of root.items.values()) {
    if (node !== except) node.actions.menu.setAttribute("aria-expanded", "false");
  }
}

/** Moves the focus from card to card with the arrow keys, as the eye would. */
function move(root, event) {
  const all = [...root.querySelectorAll(".open")];
  const from = event.target;
  const place = all.indexOf(from);
  if (place < 0) return;
  let to = null;
  if (event.key === "ArrowRight") to = all[place + 1];
  else if (event.key === "ArrowLeft") to = all[place - 1];
  else if (event.key === "Home") to = all[0];
  else if (event.key === "End") to = all.at(-1);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const box = (one) => one.closest("li").getBoundingClientRect();
    const here = box(from);
    const sign = event.key === "ArrowDown" ? 1 : -1;
    const far = (one) => {
      const there = box(one);
      return 10 * Math.abs(there.top - here.top) + Math.abs(there.left - here.left);
    };
    to = all
      .filter((one) => sign * (box(one).top - here.top) > here.height / 2)
      .sort((one, other) => far(one) - far(other))[0];
  } else return;
  event.preventDefault();
  to?.focus();
  to?.closest("li").scrollIntoView({ block: "nearest" });
}
