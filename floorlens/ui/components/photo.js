// The photo with its floor drawn on it, which is corrected there: taps, a box, an outline; with a
// mouse, a finger or the keyboard. What is marked shows at once, before the service has answered.

const MODES = ["add", "remove", "box", "outline"];
const STILL = 10; // Pixels: a pointer that moved less has tapped.
const NEAR = 14; // Pixels: a tap so near to a corner means that corner.
const PATIENCE = 8000; // Milliseconds: so long a change waits for the answer to the one before.
const STRENGTH = "floorlens-mark-strength";

function build(parent) {
  const nodes = {};
  const add = (name, into, node) => { nodes[name] = node; into.append(node); return node; };
  const root = add("root", parent, make("section", { className: "photo" }));
  const work = add("work", root, make("div", { className: "work" }));
  const frame = add("frame", work, make("div", { className: "frame" }));
  const place = { className: "canvas", tabIndex: 0, role: "application", "aria-describedby": "hint" };
  const canvas = add("canvas", frame, make("div", place));
  add("image", canvas, make("img", { draggable: false }));
  const svg = add("svg", canvas, makeSvg("svg", { "aria-hidden": "true" }));
  for (const name of ["mark", "casing", "edge", "shape", "corners"]) {
    add(name, svg, makeSvg("path", { class: name }));
  }
  add("dots", canvas, make("div", { className: "dots" }));
  add("cursor", canvas, make("div", { className: "cursor", hidden: true }));
  add("line", canvas, make("div", { className: "line", hidden: true }));
  add("openText", add("open", frame, make("button", { type: "button", className: "open" })), make("span"));

  const tools = add("tools", work, make("div", { className: "tools" }));
  const modes = add("modes", tools, make("div", { className: "modes", role: "group" }));
  for (const mode of MODES) {
    add(mode, modes, make("button", { type: "button", className: `mode ${mode}` }, make("i"), make("span")));
  }
  const acts = add("acts", tools, make("div", { className: "acts" }));
  for (const name of ["close", "undo", "reset", "large", "done"]) {
    add(name, acts, make("button", { type: "button", className: `act ${name}` }));
  }
  nodes.close.hidden = true;
  const strength = add("strength", tools, make("label", { className: "strength" }));
  add("strengthText", strength, make("span"));
  add("slider", strength, make("input", { type: "range", max: "90", step: "5" }));
  add("hint", tools, make("p", { className: "hint", id: "hint" }));
  const said = add("said", work, make("div", { className: "said", role: "status" }));
  add("facts", said, make("p", { className: "facts" }));
  add("doubts", said, make("div", { className: "doubts" }));
  add("dialog", root, make("dialog", { className: "large" }, make("div", { className: "inside" })));
  return nodes;
}

export default function ({ parentElement, data, setTriggerValue }) {
  let here = parentElement.floorlensPhoto;
  if (!here) {
    here = parentElement.floorlensPhoto = {
      nodes: build(parentElement), data, mode: "add", local: null, sent: null, corners: [], box: null,
      next: null, at: null, moved: false, source: null,
    };
    listen(here);
    if (data.drawn) here.mode = "box";
  } else if (data.drawn && !here.data.drawn) {
    here.mode = "box";
  }
  here.data = data;
  here.tell = setTriggerValue;
  if (here.local && data.echo === here.sent && !data.busy) settle(here);
  label(here);
  showPicture(here);
  draw(here);
  return () => {
    here.stop();
    delete parentElement.floorlensPhoto;
    here.nodes.root.remove();
  };
}

// -- what is shown ------------------------------------------------------------------------------

function label({ nodes, data, mode }) {
  const { texts } = data;
  const words = {
    openText: data.drawn ? texts.draw : texts.correct, close: texts.close, undo: texts.undo,
    reset: texts.reset, large: texts.enlarge, done: texts.done, strengthText: texts.opacity,
    facts: data.facts,
  };
  for (const [name, text] of Object.entries(words)) {
    if (nodes[name].textContent !== text) nodes[name].textContent = text;
  }
  for (const name of MODES) {
    nodes[name].lastChild.textContent = texts.modes[name];
    nodes[name].setAttribute("aria-pressed", String(name === mode));
  }
  nodes.hint.textContent = `${texts.hints[mode]} `;
  nodes.hint.append(make("span", { className: "keys", textContent: texts.hints.keys }));
  nodes.modes.setAttribute("aria-label", texts.tools);
  nodes.root.setAttribute("aria-label", texts.correct);
  nodes.dialog.setAttribute("aria-label", texts.correct);
  nodes.canvas.setAttribute("aria-label", texts.correct);
  nodes.image.alt = data.alt;
  nodes.undo.disabled = !data.undo;
  nodes.reset.disabled = !data.reset;
  const doubts = JSON.stringify(data.doubts);
  if (nodes.doubts.dataset.of !== doubts) {
    nodes.doubts.dataset.of = doubts;
    nodes.doubts.replaceChildren(...(data.doubts.length ? [make("strong", { textContent: texts.doubtful })] : []),
      ...data.doubts.map((one) => make("p", { textContent: one })));
  }
  nodes.root.classList.toggle("ready", Boolean(data.size));
  nodes.root.classList.toggle("drawn", data.drawn);
}

function showPicture(here) {
  const { nodes, data } = here;
  const { image } = nodes;
  const own = window.floorlensPhoto?.token === data.preview ? window.floorlensPhoto?.address : null;
  const wanted = data.kept ? data.source : own ?? data.source;
  if (data.size) shape(here, ...data.size);
  if (!wanted || here.source === wanted) return;
  here.source = wanted;
  if (!image.getAttribute("src")) {
    image.onload = () => here.data.size || shape(here, image.naturalWidth, image.naturalHeight);
    // A browser may not be able to show what the service can read.
    image.onerror = () => { if (image.getAttribute("src") !== data.source) image.src = data.source; };
    // What the browser has itself waits for no line.
    image.src = own ?? wanted;
    if (image.getAttribute("src") === wanted) return;
  }
  // The one that is shown stays until the other one is here.
  const next = new Image();
  next.onload = () => {
    if (here.source !== wanted) return;
    image.src = wanted;
    if (own && data.kept) {
      URL.revokeObjectURL(own);
      window.floorlensPhoto = null;
    }
  };
  next.src = wanted;
}

function shape({ nodes }, width, height) {
  nodes.root.style.setProperty("--ratio", width / height);
  nodes.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  nodes.svg.setAttribute("preserveAspectRatio", "xMidYMax slice");
}

function draw(here) {
  const { nodes, data, local, corners, box, mode } = here;
  const outline = data.polygons.flat().map((ring) => pathOf(ring)).join("");
  for (const name of ["mark", "casing", "edge"]) nodes[name].setAttribute("d", outline);
  let form = "";
  if (box) form = boxPath(box);
  else if (corners.length) form = pathOf(here.over ? [...corners, here.over] : corners, false);
  else if (local?.region) {
    form = typeof local.region[0] === "number" ? boxPath(local.region) : pathOf(local.region);
  }
  nodes.shape.setAttribute("d", form);
  nodes.shape.classList.toggle("waits", Boolean(local?.region) && !box && !corners.length);
  nodes.corners.setAttribute("d", corners.map(([x, y]) => `M${x} ${y}h0`).join(""));
  const clicks = local?.clicks ?? data.clicks;
  const [width, height] = data.size ?? [1, 1];
  const known = data.clicks.length;
  nodes.dots.replaceChildren(...clicks.map(([x, y, floor], number) => {
    const className = `dot ${floor ? "plus" : "minus"}${local && number >= known ? " waits" : ""}`;
    const dot = make("i", { className, textContent: floor ? "+" : "\u2212" });
    dot.style.left = `${x / width * 100}%`;
    dot.style.top = `${y / height * 100}%`;
    return dot;
  }));
  nodes.line.hidden = !(local || data.busy);
  nodes.canvas.setAttribute("aria-busy", String(Boolean(local || data.busy)));
  nodes.canvas.dataset.mode = mode;
  nodes.close.hidden = mode !== "outline" || corners.length < 3;
  nodes.large.hidden = nodes.reset.hidden = !nodes.close.hidden;
  if (here.at) {
    nodes.cursor.style.left = `${here.at[0] / width * 100}%`;
    nodes.cursor.style.top = `${here.at[1] / height * 100}%`;
  }
}

const pathOf = (ring, closed = true) =>
  ring.length ? `M${ring.map(([x, y]) => `${x} ${y}`).join("L")}${closed ? "Z" : ""}` : "";
const boxPath = ([left, top, right, bottom]) => `M${left} ${top}H${right}V${bottom}H${left}Z`;

// -- what is done -------------------------------------------------------------------------------

function listen(here) {
  const { nodes } = here;
  const { canvas, dialog, slider } = nodes;
  const stop = new AbortController();
  const on = (target, name, act) => target.addEventListener(name, act, { signal: stop.signal });
  here.stop = () => { stop.abort(); clearTimeout(here.timer); };

  for (const mode of MODES) on(nodes[mode], "click", () => choose(here, mode));
  on(nodes.undo, "click", () => {
    if (here.corners.length) { here.corners.pop(); draw(here); } else undo(here);
  });
  on(nodes.reset, "click", () => { drop(here); send(here, { region: null, clicks: [] }); });
  on(nodes.close, "click", () => closeOutline(here));
  const open = () => {
    dialog.firstChild.append(nodes.work);
    nodes.root.classList.add("opened");
    dialog.showModal();
    canvas.focus({ preventScroll: true });
  };
  on(nodes.open, "click", open);
  on(nodes.large, "click", open);
  on(nodes.done, "click", () => dialog.close());
  on(dialog, "cancel", (event) => {
    if (here.corners.length || here.box) { event.preventDefault(); drop(here); }
  });
  on(dialog, "close", () => {
    nodes.root.prepend(nodes.work);
    nodes.root.classList.remove("opened");
    drop(here);
    (nodes.open.offsetParent ? nodes.open : nodes.large).focus({ preventScroll: true });
  });

  let strength = "35";
  try { strength = localStorage.getItem(STRENGTH) ?? strength; } catch { /* Without storage it starts anew. */ }
  const mark = () => nodes.root.style.setProperty("--strength", slider.value / 100);
  slider.value = strength;
  mark();
  on(slider, "input", () => {
    mark();
    try { localStorage.setItem(STRENGTH, slider.value); } catch { /* As above. */ }
  });

  let press = null;
  on(canvas, "pointerdown", (event) => {
    if (!event.isPrimary) { press = null; here.box = null; draw(here); return; }
    if (event.button || !here.data.size) return;
    hideCursor(here);
    press = { x: event.clientX, y: event.clientY, point: pointOf(here, event) };
    if (here.mode === "box") canvas.setPointerCapture(event.pointerId);
  });
  on(canvas, "pointermove", (event) => {
    if (here.mode === "outline" && here.corners.length && event.pointerType === "mouse") {
      here.over = pointOf(here, event);
      draw(here);
    }
    if (!press || here.mode !== "box") return;
    here.box = boxOf(press.point, pointOf(here, event));
    draw(here);
  });
  on(canvas, "pointercancel", () => { press = null; here.box = null; draw(here); });
  on(canvas, "pointerup", (event) => {
    if (!press) return;
    const far = Math.hypot(event.clientX - press.x, event.clientY - press.y);
    const { point } = press;
    press = null;
    if (here.mode === "box") {
      const box = far > STILL ? boxOf(point, pointOf(here, event)) : null;
      here.box = null;
      if (box) send(here, { region: box, clicks: [] }); else draw(here);
    } else if (far <= STILL) {
      tap(here, pointOf(here, event));
    }
  });
  on(canvas, "keydown", (event) => press === null && key(here, event));
  on(canvas, "blur", () => hideCursor(here));
}

function undo(here) {
  clearTimeout(here.timer);
  here.next = here.local = null;
  draw(here);
  here.tell("undo", Date.now());
}

function choose(here, mode) {
  drop(here);
  here.mode = mode;
  label(here);
  draw(here);
}

function drop(here) {
  here.corners = [];
  here.box = here.over = here.first = null;
  draw(here);
}

function tap(here, point) {
  if (here.mode === "outline") {
    const { corners } = here;
    const near = (corner) => corner && distance(here, corner, point) < NEAR;
    if (corners.length >= 3 && (near(corners[0]) || near(corners.at(-1)))) return closeOutline(here);
    if (!near(corners.at(-1))) corners.push(point);
    return draw(here);
  }
  const clicks = [...(here.local?.clicks ?? here.data.clicks), [...point, here.mode === "add"]];
  send(here, here.local?.region ? { region: here.local.region, clicks } : { clicks });
}

function closeOutline(here) {
  const region = here.corners;
  drop(here);
  if (region.length >= 3) send(here, { region, clicks: [] });
}

// One change is on its way at a time; of those that are made meanwhile the last one holds all.
function send(here, change) {
  const waits = here.local !== null;
  here.local = change;
  draw(here);
  if (waits) here.next = change; else tell(here, change);
}

function tell(here, change) {
  here.next = null;
  here.sent = Date.now();
  here.tell("floor", { n: here.sent, ...change });
  clearTimeout(here.timer);
  here.timer = setTimeout(() => { settle(here); draw(here); }, PATIENCE);
}

function settle(here) {
  clearTimeout(here.timer);
  if (here.next) tell(here, here.next); else here.local = null;
}

function key(here, event) {
  const { data, nodes } = here;
  if (!data.size) return;
  const [width, height] = data.size;
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in moves) {
    const step = Math.max(width, height) * (event.shiftKey ? 0.005 : 0.025);
    const [x, y] = here.at ?? [width / 2, height * 0.75];
    const [across, down] = moves[event.key];
    here.at = here.at && !nodes.cursor.hidden
      ? [clamp(x + across * step, width), clamp(y + down * step, height)]
      : [x, y];
    nodes.cursor.hidden = false;
    here.moved = true;
    if (here.mode === "box" && here.first) here.box = boxOf(here.first, here.at);
    if (here.mode === "outline" && here.corners.length) here.over = here.at;
    draw(here);
  } else if (event.key === "Enter" || event.key === " ") {
    if (here.mode === "outline" && !here.moved && here.corners.length >= 3) closeOutline(here);
    else if (here.at && !nodes.cursor.hidden) {
      here.moved = false;
      if (here.mode !== "box") tap(here, here.at);
      else if (!here.first) here.first = here.at;
      else {
        const box = boxOf(here.first, here.at);
        drop(here);
        if (box[2] > box[0] && box[3] > box[1]) send(here, { region: box, clicks: [] });
      }
    }
  } else if (event.key === "Escape" && (here.corners.length || here.box || here.first)) {
    drop(here);
  } else if (event.key === "Backspace" && here.corners.length) {
    here.corners.pop();
    draw(here);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function hideCursor(here) {
  here.nodes.cursor.hidden = true;
  here.moved = false;
}

// -- places -------------------------------------------------------------------------------------

const clamp = (value, most) => Math.min(Math.max(value, 0), most - 1);

function pointOf({ nodes, data }, event) {
  const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(nodes.svg.getScreenCTM().inverse());
  return [clamp(Math.round(place.x), data.size[0]), clamp(Math.round(place.y), data.size[1])];
}

function distance({ nodes }, one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]) * nodes.svg.getScreenCTM().a;
}

function boxOf([x, y], [right, bottom]) {
  return [Math.min(x, right), Math.min(y, bottom), Math.max(x, right), Math.max(y, bottom)];
}
