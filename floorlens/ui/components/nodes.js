// Nodes of the page, for all elements. What data say becomes text, never HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  compare: "M4 5h6v14H4zM14 5h6v14h-6z",
  shortlist: "M6 4h12v16l-6-4-6 4z",
  like: "M12 5v14M5 12h14",
  unlike: "M5 12h14",
  menu: "M5 12h.01M12 12h.01M19 12h.01",
  shop: "M9 5H5v14h14v-4M13 4h7v7M20 4l-9 9",
  close: "M5 5l14 14M19 5L5 19",
  right: "M4 12l6 6L20 6",
  wrong: "M6 6l12 12M18 6L6 18",
};

/** Returns a new node; `facts` are its properties, or attributes where it has no such property. */
function make(tag, facts = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (value == null) continue;
    if (name.includes("-") || name === "role" || name === "list") node.setAttribute(name, value);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else node[name] = value;
  }
  node.append(...children.filter((one) => one != null && one !== false));
  return node;
}

/** Returns a new node of an SVG; `facts` are its attributes. */
function makeSvg(tag, facts = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(facts)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Returns a line drawing. */
function icon(name) {
  return makeSvg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" }, makeSvg("path", { d: ICONS[name] }));
}

/** Returns a link to another site; null where it would be none of the web's. */
function webLink(href, facts, ...children) {
  return /^https?:\/\//.test(href ?? "")
    ? make("a", { href, target: "_blank", rel: "noopener noreferrer", ...facts }, ...children)
    : null;
}

/** Returns how close a product is, as a badge. */
function wordBadge(word) {
  return make("span", { className: `fl-word fl-${word.kind}`, textContent: word.text });
}

/** Returns how alike a product is in what, as bars; null where nothing was compared. */
function barList(bars, label, numbers = false) {
  if (!bars.length) return null;
  const rows = bars.flatMap((bar) => {
    const fill = make("i");
    fill.style.width = `${bar.share}%`;
    return [
      make("span", { textContent: bar.label }),
      make("span", { className: `fl-bar fl-${bar.name}` }, fill),
      numbers && make("b", { textContent: `${bar.share} %` }),
    ].filter(Boolean);
  });
  const className = `fl-bars${numbers ? " numbers" : ""}`;
  return make("div", { className, role: "img", "aria-label": label }, ...rows);
}

/** Puts nodes into a parent in this order; those that are there already stay, with their focus. */
function arrange(parent, nodes) {
  const stay = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!stay.has(node)) node.remove();
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}
