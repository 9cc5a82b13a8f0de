// The floor and some products side by side, as a table with a row for each respect.

export default function ({ parentElement, data, setTriggerValue }) {
  let dialog = parentElement.querySelector("dialog");
  if (!dialog) {
    dialog = make("dialog", {},
      make("header", {}, make("h2"),
        make("label", { className: "only" }, make("input", { type: "checkbox" }), make("span")),
        button("close", icon("close"))),
      make("div", { className: "view", tabIndex: 0, role: "region" }, make("table", {}, make("thead", { dataset: { key: "head" } }, make("tr"), make("tr", { className: "names" })))));
    const [header] = dialog.children;
    header.children[1].firstChild.onchange = (event) => dialog.toggleAttribute("data-only", event.target.checked);
    header.lastChild.onclick = () => dialog.close();
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => {
      // What the page says until it has heard of this does not open it again.
      dialog.closed = dialog.turn;
      if (dialog.isOpen) dialog.send("close", true);
    });
    parentElement.append(dialog);
  }
  dialog.send = setTriggerValue;
  dialog.isOpen = data.open;
  if (!data.open) {
    if (dialog.open) dialog.close();
    return;
  }
  if (dialog.closed === data.turn) return;
  dialog.turn = data.turn;
  const { texts } = data;
  const [header, view] = dialog.children;
  setText(header.firstChild, texts.title);
  setText(header.children[1].lastChild, texts.only);
  header.lastChild.setAttribute("aria-label", texts.close);
  dialog.setAttribute("aria-label", texts.title);
  view.setAttribute("aria-label", texts.title);
  const [table] = view.children;
  table.style.setProperty("--columns", data.columns.length);
  const [pictures, names] = table.firstChild.children;
  keep(pictures, data.columns, createPicture, updatePicture);
  keep(names, data.columns, createName, updateName);
  const rows = data.rows.map((row) => ({ ...row, key: `row ${row.label}` }));
  keep(table, [{ key: "head" }, ...rows], createRow, (body, row) => row.cells && updateRow(body, row));
  if (!dialog.open) dialog.showModal();

  function createPicture() {
    return make("td", {}, make("span", { className: "picture" }, make("img", { alt: "" })),
      make("span", { className: "tag" }), button("remove", icon("close")));
  }

  function updatePicture(cell, column) {
    const [picture, tag, remove] = cell.children;
    setPicture(picture.firstChild, column.picture);
    // For a mouse or a finger; the name below it is the button for everybody.
    picture.onclick = column.floor ? null : () => setTriggerValue("open", column.key);
    tag.replaceChildren(...(column.word ? [wordBadge(column.word)] : []));
    remove.hidden = column.floor;
    remove.setAttribute("aria-label", column.remove ?? "");
    remove.onclick = () => setTriggerValue("remove", column.key);
  }

  // The names stay in sight while what is said of them passes below.
  function createName() {
    return make("th", { scope: "col" }, button("open", make("b")));
  }

  function updateName(cell, column) {
    const [open] = cell.children;
    setText(open.firstChild, column.name);
    open.title = column.name;
    open.disabled = column.floor;
    open.onclick = () => setTriggerValue("open", column.key);
  }

  function createRow() {
    return make("tbody", {},
      make("tr", {}, make("th", { scope: "rowgroup" }), make("td")), make("tr"));
  }

  function updateRow(body, row) {
    const [head, cells] = body.children;
    body.classList.toggle("alike", row.alike);
    setText(head.firstChild, row.label);
    head.lastChild.colSpan = data.columns.length - 1;
    const state = JSON.stringify(row.cells);
    if (body.state === state) return;
    body.state = state;
    cells.replaceChildren(...row.cells.map((cell) => make("td", {}, ...drawn(cell))));
  }

  function drawn(cell) {
    if (cell.waits) return [make("span", { className: "waits" }), make("span", { className: "unseen", textContent: texts.waits })];
    if (cell.bars) return [barList(cell.bars, cell.label, true) ?? texts.none];
    if (cell.seam) {
      const picture = make("span", { className: "seam", role: "img", "aria-label": cell.label },
        ...cell.seam.map((src) => make("img", { alt: "", src, width: 360, height: 360 })));
      return [picture, make("span", { className: "words", textContent: cell.text })];
    }
    if (cell.colours) {
      const strip = make("span", { className: "strip", role: "img", "aria-label": cell.label },
        ...cell.colours.map((colour) => {
          const patch = make("i");
          patch.style.background = colour;
          return patch;
        }));
      const words = [cell.text, cell.more].filter(Boolean);
      return [strip, ...words.map((text) => make("span", { className: "words", textContent: text }))];
    }
    const parts = [make("span", { className: cell.same === false ? "differs" : "", textContent: cell.text ?? texts.none })];
    if (cell.same === true) parts.push(make("span", { className: "mark", title: texts.same }, icon("right"), make("span", { className: "unseen", textContent: texts.same })));
    if (cell.same === false) parts.push(make("span", { className: "unseen", textContent: texts.differs }));
    return parts;
  }
}
