// Where a photo comes in: chosen, dropped anywhere on the page, pasted, taken with the camera, or a
// sample room. It shows the photo at once, sends it to the page, and reports the token it got.

const PICTURES = /\.(jpe?g|png|webp|hei[cf]|tiff?|bmp|gif|avif|jp2|mpo)$/i;

const made = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

function build(parent) {
  const root = made("div", "entry");
  const nodes = { root };
  const add = (name, into, node) => { nodes[name] = node; into.append(node); return node; };

  const zone = add("zone", root, made("section", "zone"));
  const invitation = add("invitation", zone, made("div", "invitation"));
  invitation.append(made("span", "sign"));
  add("drop", invitation, made("p", "drop"));
  add("dropTouch", invitation, made("p", "drop touch"));
  const buttons = add("buttons", invitation, made("div", "buttons"));
  const home = add("home", buttons, made("button", "button home"));
  home.type = "button";
  home.append(made("i"));
  for (const [name, kind] of [["camera", "camera"], ["choose", "main"]]) {
    const label = add(name, buttons, made("label", `button ${kind}`));
    add(`${name}Text`, label, made("span"));
    const input = add(`${name}Input`, label, made("input"));
    input.type = "file";
    input.accept = name === "camera" ? "image/*" : "image/*,.heic,.heif,.tif,.tiff";
    if (name === "camera") input.setAttribute("capture", "environment");
  }
  add("paste", invitation, made("p", "paste"));
  add("formats", invitation, made("p", "formats"));

  const preview = add("preview", zone, made("div", "preview"));
  preview.hidden = true;
  add("picture", preview, made("img"));
  const sending = add("sending", preview, made("div", "sending"));
  sending.setAttribute("role", "status");
  add("sendingText", sending, made("span"));
  const bar = add("bar", sending, made("span", "bar"));
  add("sent", bar, made("i"));

  const refusal = add("refusal", zone, made("div", "refusal"));
  refusal.setAttribute("role", "alert");
  refusal.hidden = true;
  add("refusalTitle", refusal, made("strong"));
  add("refusalText", refusal, made("span"));

  const rooms = add("rooms", root, made("section", "rooms"));
  add("roomsTitle", rooms, made("h2"));
  add("list", rooms, made("ul"));
  add("noRooms", rooms, made("p", "none"));
  add("privacy", root, made("p", "privacy"));
  add("count", root, made("p", "count"));

  const veil = add("veil", root, made("div", "veil"));
  veil.hidden = true;
  add("veilText", veil, made("span"));
  parent.append(root);
  return nodes;
}

export default function ({ parentElement, data, setTriggerValue }) {
  let here = parentElement.floorlensEntry;
  if (!here) {
    here = parentElement.floorlensEntry = { nodes: build(parentElement), request: null, drags: 0 };
    listen(here);
  }
  const { nodes } = here;
  const { texts } = data;
  here.data = data;
  here.tell = setTriggerValue;

  const words = {
    drop: texts.drop, dropTouch: texts.dropTouch, paste: texts.paste, formats: texts.formats,
    chooseText: data.compact ? texts.other : texts.choose, cameraText: texts.camera,
    sendingText: here.state === "sent" ? texts.looking : texts.uploading, roomsTitle: texts.samples, noRooms: texts.noSamples,
    veilText: texts.dropAnywhere, privacy: data.privacy ?? "", count: data.count ?? "",
  };
  for (const [name, text] of Object.entries(words)) {
    if (nodes[name].textContent !== text) nodes[name].textContent = text;
  }
  nodes.root.classList.toggle("compact", data.compact);
  nodes.home.setAttribute("aria-label", texts.home);
  nodes.home.title = texts.home;
  nodes.zone.setAttribute("aria-label", texts.choose);
  nodes.picture.alt = texts.chosen;
  const rooms = data.samples ?? [];
  nodes.rooms.hidden = data.compact;
  nodes.roomsTitle.hidden = nodes.list.hidden = !rooms.length;
  nodes.noRooms.hidden = rooms.length > 0;
  const key = JSON.stringify(rooms);
  if (here.rooms !== key) {
    here.rooms = key;
    nodes.list.replaceChildren(...rooms.map((room) => roomOf(room, here)));
  }
  // The page has taken the photo that was sent: the preview has had its time.
  if (here.state === "sent" && data.echo === here.token) showInvitation(here);
  const problem = JSON.stringify([data.problem ?? null, data.echo]);
  if (here.problem !== problem) {
    here.problem = problem;
    if (data.problem) {
      refuse(here, data.problem, data.problem[2]);
    } else if (here.refusedByPage) {
      nodes.refusal.hidden = true;
    }
    here.refusedByPage = Boolean(data.problem);
  }
  return () => {
    here.stop();
    here.request?.abort();
    delete parentElement.floorlensEntry;
    nodes.root.remove();
  };
}

function roomOf(room, here) {
  const item = made("li");
  const button = made("button", "room");
  button.type = "button";
  const picture = made("img");
  picture.src = room.picture;
  picture.alt = room.alt;
  picture.loading = "lazy";
  picture.width = 400;
  picture.height = 300;
  const title = made("span", "", room.title);
  title.setAttribute("aria-hidden", "true");
  button.append(picture, title);
  button.onclick = () => {
    if (here.state === "sending") return;
    here.nodes.refusal.hidden = true;
    here.nodes.list.querySelectorAll(".taken").forEach((one) => one.classList.remove("taken"));
    button.classList.add("taken");
    here.tell("sample", room.name);
  };
  item.append(button);
  return item;
}

function listen(here) {
  const { nodes } = here;
  const stop = new AbortController();
  const on = (target, name, act) => target.addEventListener(name, act, { signal: stop.signal });
  here.stop = () => stop.abort();
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  for (const input of [nodes.chooseInput, nodes.cameraInput]) {
    on(input, "change", () => {
      if (input.files[0]) send(here, input.files[0]);
      // So that the same file can be chosen again.
      input.value = "";
    });
  }
  on(nodes.home, "click", () => here.tell("home", true));
  on(window, "dragenter", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    here.drags += 1;
    nodes.veil.hidden = false;
  });
  on(window, "dragleave", (event) => {
    if (!files(event)) return;
    here.drags = Math.max(0, here.drags - 1);
    if (!here.drags || event.relatedTarget === null) nodes.veil.hidden = true;
  });
  on(window, "dragover", (event) => files(event) && event.preventDefault());
  on(window, "drop", (event) => {
    here.drags = 0;
    nodes.veil.hidden = true;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    send(here, file);
  });
  on(window, "paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    send(here, file);
  });
}

function send(here, file) {
  const { data, nodes } = here;
  const { texts } = data;
  here.request?.abort();
  nodes.refusal.hidden = true;
  if (!file.size) return refuse(here, texts.empty);
  if (file.type ? !file.type.startsWith("image/") : !PICTURES.test(file.name)) {
    return refuse(here, texts.kind);
  }
  if (file.size > data.bytes) {
    return refuse(here, sizeOf(here, file));
  }
  const address = URL.createObjectURL(file);
  const show = (share) => {
    nodes.sent.style.width = `${Math.round(share * 100)}%`;
  };
  here.state = "sending";
  // A picture that the browser cannot draw, such as HEIC, stays away.
  nodes.picture.hidden = true;
  nodes.picture.onload = () => { nodes.picture.hidden = false; };
  nodes.picture.src = address;
  nodes.zone.classList.add("taken");
  nodes.preview.hidden = false;
  show(0);
  nodes.sendingText.textContent = texts.uploading;
  const request = here.request = new XMLHttpRequest();
  const failed = (refusal) => {
    if (here.request !== request) return;
    URL.revokeObjectURL(address);
    showInvitation(here);
    refuse(here, refusal);
  };
  request.open("POST", data.address);
  request.setRequestHeader(data.mark, "1");
  request.responseType = "json";
  request.upload.onprogress = (event) => event.lengthComputable && show(event.loaded / event.total);
  request.onload = () => {
    const token = request.response?.token;
    if (request.status !== 201 || !token) {
      const byCode = { "upload-too-large": sizeOf(here, file), busy: texts.busy, empty: texts.empty };
      return failed(byCode[request.response?.code] ?? texts.connection);
    }
    show(1);
    nodes.sendingText.textContent = texts.looking;
    // The photo element shows what is here already.
    window.floorlensPhoto && URL.revokeObjectURL(window.floorlensPhoto.address);
    window.floorlensPhoto = { token, address };
    here.state = "sent";
    here.token = token;
    here.tell("photo", { token, name: file.name });
  };
  request.onerror = request.ontimeout = () => failed(texts.connection);
  request.send(file);
}

function sizeOf(here, file) {
  const [title, text] = here.data.texts.size;
  const size = (Math.ceil(file.size / 1e5) / 10).toFixed(1);
  return [title, text.replace("{size}", size).replace("{megabytes}", here.data.megabytes)];
}

function refuse(here, [title, text], passes) {
  const { nodes } = here;
  nodes.refusalTitle.textContent = title;
  nodes.refusalText.textContent = text;
  nodes.refusal.classList.toggle("passes", Boolean(passes));
  nodes.refusal.hidden = false;
}

function showInvitation(here) {
  const { nodes } = here;
  here.state = "";
  nodes.zone.classList.remove("taken");
  nodes.preview.hidden = true;
  nodes.picture.removeAttribute("src");
  nodes.list.querySelectorAll(".taken").forEach((one) => one.classList.remove("taken"));
}
