// Nodes that stay from one rerun to the next, so that focus and scroll stay too; and panels that open
// below a button, on telephones from the lower edge.

Object.assign(ICONS, {
  down: "M6 9l6 6 6-6",
  sliders: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5",
  share: "M12 15V4M8 7.5L12 3.5l4 4M6 11H5v9h14v-9h-1",
  file: "M12 4v11M8 11.5l4 4 4-4M5 20h14",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.3-1.3",
});

function button(className, ...children) {
  return make("button", { type: "button", className }, ...children);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows a picture, or nothing where there is none or it cannot be fetched. */
function setPicture(img, source) {
  if (img.dataset.source === (source ?? "")) return;
  img.dataset.source = source ?? "";
  img.hidden = !source;
  img.onerror = () => { img.hidden = true; };
  if (source) img.src = source;
  else img.removeAttribute("src");
}

/** Has a parent show items, each by the node of its key; nodes that stay are not moved. */
function keep(parent, items, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = new Set(items.map((item) => item.key));
  for (const [key, child] of known) if (!wanted.has(key)) child.remove();
  const children = items.map((item) => {
    let child = known.get(item.key);
    if (!child) {
      child = create(item);
      child.dataset.key = item.key;
    }
    update(child, item);
    return child;
  });
  arrange(parent, children);
}

const TELEPHONE = "(max-width: 640px)";

/** Has a button open a panel: Escape or a tap elsewhere closes it, and focus goes back. */
function opens(opener, panel) {
  panel.popover = "auto";
  opener.popoverTargetElement = panel;
  opener.setAttribute("aria-haspopup", "dialog");
  opener.setAttribute("aria-expanded", "false");
  panel.setAttribute("role", "dialog");
  const put = () => {
    panel.style.cssText = "";
    if (matchMedia(TELEPHONE).matches) return;
    const at = opener.getBoundingClientRect();
    const wide = panel.offsetWidth, gap = 6, edge = 12;
    const below = innerHeight - at.bottom - gap - edge, above = at.top - gap - edge;
    const up = below < Math.min(panel.scrollHeight, 260) && above > below;
    panel.style.left = `${Math.max(edge, Math.min(at.left, innerWidth - wide - edge))}px`;
    panel.style.maxHeight = `${Math.max(160, up ? above : below)}px`;
    if (up) panel.style.bottom = `${innerHeight - at.top + gap}px`;
    else panel.style.top = `${at.bottom + gap}px`;
  };
  panel.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", String(open));
    const listen = open ? addEventListener : removeEventListener;
    for (const name of ["scroll", "resize"]) listen.call(window, name, put, true);
    if (!open) return;
    put();
    panel.querySelector("input:not(:disabled), .body button, .body a")?.focus({ preventScroll: true });
  });
}
