/* Rooms and what was found for them, as a table; on a narrow screen each room is a card. */

export default function ({ parentElement, data }) {
  const { texts } = data;
  let body = parentElement.querySelector("tbody");
  if (!body) {
    const heads = texts.columns.map((name) => make("th", { scope: "col", textContent: name }));
    body = make("tbody");
    const caption = make("caption", { textContent: texts.caption });
    const table = make("table", {}, caption, make("thead", {}, make("tr", {}, ...heads)), body);
    parentElement.appendChild(table);
  }
  const known = new Map([...body.rows].map((row) => [row.dataset.number, row]));
  const rows = data.rooms.map((room) => {
    const seen = JSON.stringify(room);
    const old = known.get(room.number);
    return old?.seen === seen ? old : drawn(room, seen);
  });
  if (rows.length !== body.rows.length || rows.some((row, place) => body.rows[place] !== row)) body.replaceChildren(...rows);

  function drawn(room, seen) {
    const cells = [make("th", { scope: "row" }, photo(room), make("span", { className: "name", title: room.name, textContent: room.name }))];
    if (room.state === "done") {
      cells.push(...room.matches.map(found));
      for (let place = room.matches.length; place < 3; place++) cells.push(make("td", { textContent: "–" }));
    } else {
      cells.push(make("td", { className: "state", colSpan: 3, textContent: room.problem ?? texts[room.state] }));
    }
    const label = texts.openOf.replace("{name}", room.name);
    const link = room.link && make("a", { href: room.link, target: "_blank", "aria-label": label, textContent: texts.open });
    const note = room.note && make("span", { className: "note", textContent: room.note });
    cells.push(make("td", { className: "open" }, note || null, link || null));
    const row = make("tr", { className: room.state, dataset: { number: room.number } }, ...cells);
    row.seen = seen;
    return row;
  }

  function photo(room) {
    const frame = make("span", { className: "photo" });
    if (!room.picture) return frame;
    const alt = texts.photoAlt.replace("{name}", room.name);
    frame.append(make("img", { loading: "lazy", alt, src: room.picture }));
    if (room.size) {
      const rings = room.polygons.flat().map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`);
      const view = { viewBox: `0 0 ${room.size.join(" ")}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" };
      frame.append(makeSvg("svg", view, makeSvg("path", { d: rings.join("") })));
    }
    return frame;
  }

  function found(match, place) {
    const picture = match.picture && make("img", { loading: "lazy", alt: "", src: match.picture });
    const words = [make("strong", { textContent: match.name }), make("small", { textContent: match.word })];
    return make(
      "td",
      { className: "match", dataset: { title: texts.columns[place + 1] } },
      make("span", { className: "picture" }, picture || null),
      make("span", { className: "words" }, ...words),
    );
  }
}
