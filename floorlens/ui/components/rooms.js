/* Rooms and what was found for them, as a table; on a narrow screen each room is a card. */

const SVG = "http://www.w3.org/2000/svg";

export default function ({ parentElement, data }) {
  const { texts } = data;
  let body = parentElement.querySelector("tbody");
  if (!body) {
    const table = made("table");
    const caption = made("caption", texts.caption);
    const head = made("thead");
    const row = made("tr");
    for (const name of texts.columns) {
      const cell = made("th", name);
      cell.scope = "col";
      row.append(cell);
    }
    head.append(row);
    body = made("tbody");
    table.append(caption, head, body);
    parentElement.appendChild(table);
  }
  const known = new Map([...body.rows].map((row) => [row.dataset.number, row]));
  const rows = data.rooms.map((room) => {
    const seen = JSON.stringify(room);
    const old = known.get(room.number);
    return old?.seen === seen ? old : drawn(room, seen);
  });
  if (rows.length !== body.rows.length || rows.some((row, place) => body.rows[place] !== row)) body.replaceChildren(...rows);

  function made(tag, text, kind) {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (kind) node.className = kind;
    return node;
  }

  function drawn(room, seen) {
    const row = made("tr", "", room.state);
    row.seen = seen;
    row.dataset.number = room.number;
    const head = made("th");
    head.scope = "row";
    head.append(photo(room), made("span", room.name, "name"));
    row.append(head);
    if (room.state === "done") {
      room.matches.forEach((match, place) => row.append(found(match, place)));
      for (let place = room.matches.length; place < 3; place++) row.append(made("td", "–"));
    } else {
      const cell = made("td", room.problem ?? texts[room.state], "state");
      cell.colSpan = 3;
      row.append(cell);
    }
    const last = made("td", "", "open");
    if (room.note) last.append(made("span", room.note, "note"));
    if (room.link) {
      const link = made("a", texts.open);
      link.href = room.link;
      link.target = "_blank";
      link.setAttribute("aria-label", `${texts.openOf.replace("{name}", room.name)}`);
      last.append(link);
    }
    row.append(last);
    return row;
  }

  function photo(room) {
    const frame = made("span", "", "photo");
    if (!room.picture) return frame;
    const img = made("img");
    img.loading = "lazy";
    img.alt = texts.photoAlt.replace("{name}", room.name);
    img.src = room.picture;
    frame.append(img);
    if (room.size) {
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${room.size[0]} ${room.size[1]}`);
      svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
      svg.setAttribute("aria-hidden", "true");
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", room.polygons.flat().map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join(""));
      svg.append(path);
      frame.append(svg);
    }
    return frame;
  }

  function found(match, place) {
    const cell = made("td", "", "match");
    cell.dataset.title = texts.columns[place + 1];
    const picture = made("span", "", "picture");
    if (match.picture) {
      const img = made("img");
      img.loading = "lazy";
      img.alt = "";
      img.src = match.picture;
      picture.append(img);
    }
    const words = made("span", "", "words");
    words.append(made("strong", match.name), made("small", match.word));
    cell.append(picture, words);
    return cell;
  }
}
