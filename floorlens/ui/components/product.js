// One product, opened: a dialog over the page, the whole screen on a telephone.

export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector("dialog");
  if (!root) {
    root = make("dialog", { className: "product" });
    root.parts = new Map();
    // Escape closes too; the browser gives the focus back to the card.
    root.addEventListener("close", () => {
      if (!root.data.open || root.dismissed === root.data.id) return;
      root.dismissed = root.data.id;
      root.send("close", root.data.id);
    });
    root.addEventListener("pointerdown", (event) => (root.pressed = event.target === root));
    root.addEventListener("click", (event) => event.target === root && root.pressed && root.close());
    root.head = make("header");
    root.body = make("div", { className: "body" });
    root.main = make("div", { className: "column" });
    root.side = make("div", { className: "column" });
    root.append(root.head, root.body);
    parentElement.append(root);
  }
  const before = root.data;
  root.send = setTriggerValue;
  root.data = data;
  if (!data.open) {
    root.dismissed = null;
    root.close();
    root.parts.clear();
    return;
  }
  const other = !before?.open || before.id !== data.id;
  // Closed here while the answer was on its way: it stays closed.
  if (!other && root.dismissed === data.id) return;
  root.dismissed = null;
  root.body.removeAttribute("aria-busy");
  draw(root, data);
  if (!root.open) root.showModal();
  if (other) {
    root.body.scrollTop = 0;
    root.scrollTop = 0;
    root.querySelector("h2").focus({ preventScroll: true });
    root.scrolled = null;
  }
  const target = data.part && root.querySelector(`[data-part="${CSS.escape(data.part)}"]`);
  if (target && root.scrolled !== data.part) {
    root.scrolled = data.part;
    target.scrollIntoView({ block: "start" });
  }
}

function draw(root, data) {
  const { texts } = data;
  const part = (name, facts, made) => keep(root, name, facts, made);
  root.setAttribute("aria-label", data.name);
  arrange(root.head, [
    part("title", [data.name], () => make("h2", { tabIndex: -1, textContent: data.name })),
    part("close", [texts.close], () => {
      const button = make("button", { type: "button", className: "close", "aria-label": texts.close }, icon("close"));
      button.addEventListener("click", () => root.close());
      return button;
    }),
  ]);
  arrange(root.main, list(
    part("look", [data.wipe, data.picture, data.waits, data.note], () => look(data)),
    data.palettes.length && part("palettes", data.palettes, () => palettes(data)),
    data.patches && part("patches", data.patches, () => patches(data)),
    data.details.length && part("details", data.details, () => details(data)),
  ));
  arrange(root.side, list(
    part("facts", [data.rank, data.word, data.price, data.material, data.link, data.reason], () => offer(data)),
    part("actions", [data.id, data.compared, data.listed], () => actions(root, data)),
    data.bars.length && part("bars", data.bars, () => section(texts.likeness, "likeness", barList(data.bars, data.barsLabel, true))),
    data.judged && part("judge", [data.id, data.verdict, data.said], () => judge(root, data)),
    data.properties.length && part("properties", data.properties, () => properties(data)),
  ));
  arrange(root.body, list(
    root.main, root.side,
    data.design.length && part("design", [data.id, data.design], () => row(root, texts.design, "design", data.design)),
    data.similar?.length && part("similar", [data.id, data.similar], () => row(root, texts.similar, "similar", data.similar, searchLike(root, data))),
  ));
}

function list(...nodes) {
  return nodes.filter(Boolean);
}

/** Returns the node of a part: the one that is there, unless what it shows has changed. */
function keep(root, name, facts, made) {
  const state = JSON.stringify(facts);
  const there = root.parts.get(name);
  if (there?.state === state) return there.node;
  const scope = root.getRootNode();
  const label = there?.node.contains(scope.activeElement) ? scope.activeElement.dataset.name : null;
  const node = made();
  there?.node.replaceWith(node);
  root.parts.set(name, { state, node });
  if (label) node.querySelector(`[data-name="${CSS.escape(label)}"]`)?.focus({ preventScroll: true });
  return node;
}

function section(title, name, ...children) {
  return make("section", { dataset: { part: name } }, make("h3", { textContent: title }), ...children);
}

function look({ wipe, picture, waits, note, name, texts }) {
  if (wipe) return section(texts.wipe.title, "wipe", wipeOf(wipe, texts.wipe));
  return make("section", { dataset: { part: "picture" } },
    picture
      ? make("img", { className: "whole", alt: name, decoding: "async", src: picture })
      : make("div", { className: "whole none", textContent: texts.noPicture }),
    waits ? make("p", { className: "waits", role: "status", textContent: `${texts.comparing} …` })
      : note && make("p", { className: "fl-note", textContent: note }));
}

function offer(data) {
  const shop = webLink(data.link, { className: "shop", "aria-label": data.linkLabel }, data.texts.shop, icon("shop"));
  return make("section", { dataset: { part: "offer" } },
    make("p", { className: "line" }, data.word && wordBadge(data.word), data.rank && make("span", { className: "soft", textContent: data.rank })),
    (data.price || data.material || shop) && make("p", { className: "line offer" },
      data.price && make("b", { textContent: data.price }),
      data.material && make("span", { textContent: data.material }), shop),
    data.reason && make("p", { className: "reason", textContent: data.reason }));
}

function actions(root, data) {
  const { texts } = data;
  const button = (name, on) => {
    const one = make("button", { type: "button", "aria-pressed": String(Boolean(on)), dataset: { name } },
      icon(name), texts[name][on ? 1 : 0]);
    one.addEventListener("click", () => root.send(name, data.id));
    return one;
  };
  return make("div", { className: "buttons" }, button("compare", data.compared), button("shortlist", data.listed));
}

function judge(root, data) {
  const { texts } = data;
  const buttons = ["right", "wrong"].map((verdict) => {
    const pressed = String(data.verdict === verdict);
    const one = make("button", { type: "button", "aria-pressed": pressed, dataset: { name: verdict } },
      icon(verdict), texts[verdict]);
    one.addEventListener("click", () => root.send("judge", { id: data.id, verdict }));
    return one;
  });
  return section(texts.judge, "judge", make("div", { className: "buttons" }, ...buttons),
    make("p", { className: "soft said", role: "status", textContent: data.said ?? "" }));
}

function palettes({ palettes: pairs, texts }) {
  const swatch = (colour, label) => {
    const node = make("span", { className: "swatch" });
    node.style.background = colour;
    return make("span", { className: "one" }, node, make("span", { className: "fl-hidden", textContent: `${label} ${colour}` }));
  };
  return section(texts.colours, "colours",
    make("div", { className: "palettes" },
      make("p", { className: "names soft", "aria-hidden": "true" }, make("span", { textContent: texts.wipe.floor }), make("span", { textContent: texts.wipe.product })),
      make("ol", {}, ...pairs.map((pair) => make("li", {},
        make("span", { className: "fl-hidden", textContent: `${pair.place}: ` }),
        swatch(pair.floor, texts.wipe.floor), swatch(pair.product, texts.wipe.product),
        make("span", { className: "word", textContent: pair.word }),
        make("span", { className: "soft", textContent: pair.delta }))))));
}

/** Returns the pairs of patches: parts of one picture, each pair above what is said of it. */
function patches({ patches: { picture, label, notes }, texts }) {
  const count = notes.length;
  const pair = (note, place) => {
    const image = make("img", { alt: "", loading: "lazy", decoding: "async", src: picture });
    image.style.width = `${100 * count}%`;
    image.style.left = `${-100 * place}%`;
    return make("li", {}, make("span", { className: "pair" }, image), make("span", { className: "soft", textContent: note }));
  };
  return section(texts.patches, "patches",
    make("ol", { className: "pairs", "aria-label": label }, ...notes.map(pair)));
}

function properties({ properties: rows, texts }) {
  const floor = rows.some((one) => one.floor);
  const heads = texts.heads.filter((_, place) => floor || place !== 1);
  const cell = (fact) => make("td", {}, fact && make("span", { textContent: fact.value }),
    fact?.note ? make("small", { textContent: fact.note }) : null);
  return section(texts.properties, "properties",
    make("p", { className: "soft", textContent: texts.measured }),
    make("div", { className: "wide" }, make("table", {},
      make("thead", {}, make("tr", {}, ...heads.map((one) => make("th", { scope: "col", textContent: one })))),
      make("tbody", {}, ...rows.map((one) => make("tr", {},
        make("th", { scope: "row", textContent: one.label }), floor && cell(one.floor), cell(one.product)))))));
}

function details({ details: rows, texts }) {
  return section(texts.details, "details", make("div", { className: "wide" }, make("table", {},
    make("tbody", {}, ...rows.map((one) => make("tr", {},
      make("th", { scope: "row", textContent: one.label }),
      make("td", {}, webLink(one.link, {}, one.text) ?? one.text)))))));
}

function searchLike(root, data) {
  const button = make("button", { type: "button", dataset: { name: "like" } }, icon("like"), data.texts.searchLike);
  button.addEventListener("click", () => {
    root.dismissed = data.id;
    root.close();
    root.send("like", data.id);
  });
  return make("div", { className: "buttons" }, button);
}

function row(root, title, name, products, ...more) {
  const open = (one) => {
    const button = make("button", { type: "button", className: "small" },
      one.picture
        ? make("img", { alt: "", loading: "lazy", decoding: "async", width: 160, height: 120, src: one.picture })
        : make("span", { className: "none" }),
      make("span", { className: "title", textContent: one.name }),
      one.note && make("span", { className: "soft", textContent: one.note }));
    button.addEventListener("click", () => {
      root.body.setAttribute("aria-busy", "true");
      root.send("open", one.id);
    });
    return make("li", { dataset: { similar: one.id } }, button);
  };
  const node = section(title, name, make("ul", { className: "row" }, ...products.map(open)), ...more);
  node.classList.add("across");
  return node;
}
