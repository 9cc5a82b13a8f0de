/* What narrows the ranking and what counts in it: a row of chips, each opening a panel.

   A wish is sent when the one before it has been answered: what a value leads to is known only
   then. */

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".refine") ?? built(parentElement);
  root.data = data;
  root.emit = setTriggerValue;
  const { texts } = data;
  if (root.wishes.length && root.sent !== data.turn) {
    root.wishes.shift();
    if (root.wishes.length) setTimeout(() => send(root), 0);
  }
  root.toggleAttribute("data-busy", root.wishes.length > 0);

  const [row] = root.children;
  const focused = root.getRootNode().activeElement;
  const place = [...row.children].indexOf(focused);
  keep(row, items(data), create, update);
  if (place >= 0 && !focused.isConnected) {
    (row.children[Math.min(place, row.children.length - 1)] ?? row).focus?.();
  }
  row.setAttribute("aria-label", texts.refine);
  const chosen = data.chosen.map((one) => one.key).join();
  // What was just chosen stands first.
  if (root.chosen !== chosen) row.scrollLeft = 0;
  root.chosen = chosen;

  /* Chosen first, then what opens a panel. */
  function items() {
    const chosen = data.chosen.map((one) => ({ ...one, key: `chosen ${one.key}`, kind: "chosen" }));
    const all = data.clear ? [{ key: "all", kind: "all" }] : [];
    const weights = data.weights ? [{ ...data.weights, key: "weights", kind: "weights" }] : [];
    const fields = data.fields.map((one) => ({ ...one, key: `field ${one.key}`, kind: "field" }));
    return [...chosen, ...all, ...weights, ...fields];
  }

  function create(item) {
    if (item.kind === "chosen") {
      const chip = button("chip chosen");
      chip.append(make("span", { className: "dot" }), make("img"), make("span", { className: "label" }), icon("close"));
      chip.children[1].alt = "";
      return chip;
    }
    if (item.kind === "all") {
      const chip = button("chip all");
      chip.onclick = () => ask(root, "all", true);
      return chip;
    }
    const holder = make("span", { className: "holder" });
    const chip = button("chip");
    if (item.kind === "weights") chip.append(icon("sliders"));
    chip.append(make("span", { className: "label" }), make("b", { className: "badge" }));
    if (item.kind !== "weights") chip.append(icon("down"));
    const panel = make("section", { className: "panel" });
    const header = make("header");
    const close = button("close");
    close.append(icon("close"));
    close.onclick = () => panel.hidePopover();
    header.append(make("h3"), close);
    const footer = make("footer");
    const reset = button("plain"), done = button("filled");
    reset.onclick = () =>
      item.kind === "weights" ? ask(root, "weights", {}) : ask(root, "field", item.field);
    done.onclick = () => panel.hidePopover();
    footer.append(reset, done);
    panel.append(header, make("div", { className: "body" }), footer);
    holder.append(chip, panel);
    opens(chip, panel);
    return holder;
  }

  function update(child, item) {
    if (item.kind === "all") return setText(child, texts.clearAll);
    if (item.kind === "chosen") {
      const [dot, img, label] = child.children;
      setDot(dot, item.dot);
      setPicture(img, item.picture);
      setText(label, item.label);
      child.setAttribute("aria-label", item.remove);
      child.title = item.label;
      child.onclick = () => ask(root, item.event[0], item.event[1]);
      return;
    }
    const [chip, panel] = child.children;
    setText(chip.querySelector(".label"), item.label);
    const badge = chip.querySelector(".badge");
    setText(badge, item.count ? String(item.count) : "");
    badge.hidden = !item.count;
    chip.classList.toggle("on", item.count > 0);
    const [header, body, footer] = panel.children;
    panel.setAttribute("aria-label", item.title);
    setText(header.firstChild, item.title);
    header.lastChild.setAttribute("aria-label", texts.close);
    const [reset, done] = footer.children;
    setText(reset, item.kind === "weights" ? texts.reset : texts.clear);
    reset.hidden = !item.count || item.field === null;
    setText(done, data.show);
    if (item.kind === "weights") keep(body, item.sliders, createSlider, updateSlider);
    else keep(body, item.groups, createGroup, updateGroup);
  }

  function createGroup(group) {
    const set = make("div", { className: "group" });
    set.setAttribute("role", "group");
    set.append(make("h4"), make("div", { className: "options" }));
    return set;
  }

  function updateGroup(set, group) {
    set.setAttribute("aria-label", group.label);
    setText(set.firstChild, group.label);
    set.firstChild.hidden = !group.named;
    keep(set.lastChild, group.options, createOption, updateOption);
  }

  function createOption() {
    const label = make("label", { className: "option" });
    const box = make("input");
    box.type = "checkbox";
    label.append(box, make("span", { className: "dot" }), make("span", { className: "label" }), make("span", { className: "number" }));
    return label;
  }

  function updateOption(label, option) {
    const [box, dot, text, number] = label.children;
    box.checked = option.selected;
    box.disabled = option.disabled;
    box.onchange = () => ask(root, "value", option.event);
    setDot(dot, option.dot);
    setText(text, option.label);
    setText(number, String(option.count));
    number.setAttribute("aria-label", option.counted);
  }

  function createSlider() {
    const label = make("label", { className: "slider" });
    const head = make("span", { className: "head" });
    head.append(make("span", { className: "label" }), make("output"));
    const input = make("input");
    input.type = "range";
    const ends = make("span", { className: "ends" });
    ends.setAttribute("aria-hidden", "true");
    ends.append(make("span"), make("span"));
    label.append(head, input, ends);
    return label;
  }

  function updateSlider(label, slider) {
    const [head, input, ends] = label.children;
    label.className = `slider ${slider.tint}`;
    setText(head.firstChild, slider.label);
    input.min = String(-(data.weights.steps.length - 1) / 2);
    input.max = String((data.weights.steps.length - 1) / 2);
    input.step = "1";
    input.setAttribute("aria-label", slider.label);
    if (root.getRootNode().activeElement !== input || !root.wishes.length) input.value = String(slider.step);
    setText(ends.firstChild, texts.less);
    setText(ends.lastChild, texts.more);
    const say = () => {
      const step = data.weights.steps[Number(input.value) - Number(input.min)];
      setText(head.lastChild, step);
      input.setAttribute("aria-valuetext", step);
    };
    say();
    input.oninput = say;
    // "change" comes when the handle is let go, and at each press of a key.
    input.onchange = () => {
      clearTimeout(root.timer);
      root.timer = setTimeout(() => {
        const panel = label.closest(".panel");
        const steps = Object.fromEntries(root.data.weights.sliders.map((one, index) =>
          [one.key, Number(panel.querySelectorAll("input")[index].value)]));
        ask(root, "weights", steps);
      }, 250);
    };
  }
}

function built(parent) {
  const root = make("div", { className: "refine fl" });
  root.wishes = [];
  const row = make("div", { className: "row" });
  row.setAttribute("role", "group");
  root.append(row);
  parent.append(root);
  return root;
}

function setDot(dot, colour) {
  dot.hidden = !colour;
  dot.style.background = colour ?? "";
}

function ask(root, name, value) {
  root.wishes.push([name, value]);
  root.setAttribute("data-busy", "");
  if (root.wishes.length === 1) send(root);
}

function send(root) {
  const [name, value] = root.wishes[0];
  root.sent = root.data.turn;
  root.emit(name, value);
}
