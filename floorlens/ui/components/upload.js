/* A file of products, sent to the service through the page as it is read: nothing holds it whole. */

export default function ({ parentElement, data, setTriggerValue }) {
  const { texts } = data;
  let root = parentElement.querySelector(".upload");
  if (!root) {
    root = built();
    parentElement.appendChild(root);
  }
  root.now = { data, setTriggerValue };
  root.querySelector("[data-drop]").textContent = texts.drop;
  root.querySelector("label span").textContent = texts.choose;
  root.querySelector("small").textContent = texts.formats;
  root.querySelector("[data-stop]").textContent = texts.stop;
  const input = root.querySelector("input");
  input.accept = data.accept;
  return () => root.isConnected || root.request?.abort();

  function built() {
    const root = document.createElement("div");
    root.className = "upload";
    const hint = document.createElement("p");
    hint.dataset.drop = "";
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "file";
    label.append(input, document.createElement("span"));
    const formats = document.createElement("small");
    const state = document.createElement("p");
    state.dataset.state = "";
    state.setAttribute("role", "status");
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.hidden = true;
    const stop = document.createElement("button");
    stop.type = "button";
    stop.dataset.stop = "";
    stop.hidden = true;
    stop.onclick = () => root.request?.abort();
    root.append(hint, label, formats, bar, state, stop);
    input.onchange = () => {
      if (input.files[0]) send(root, input.files[0]);
      input.value = "";
    };
    root.ondragover = (event) => {
      event.preventDefault();
      root.classList.add("over");
    };
    root.ondragleave = () => root.classList.remove("over");
    root.ondrop = (event) => {
      event.preventDefault();
      root.classList.remove("over");
      if (event.dataTransfer.files[0]) send(root, event.dataTransfer.files[0]);
    };
    return root;
  }

  function send(root, file) {
    const { data } = root.now;
    const [bar, state, stop] = ["progress", "[data-state]", "[data-stop]"].map((one) => root.querySelector(one));
    const address = `${data.address}?${new URLSearchParams({ ...data.options, name: file.name })}`;
    const request = new XMLHttpRequest();
    root.request = request;
    root.classList.add("busy");
    bar.hidden = stop.hidden = false;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    state.classList.remove("wrong");
    state.textContent = data.texts.sending.replace("{name}", file.name);
    request.open("POST", address);
    request.setRequestHeader(data.mark, data.ticket);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      bar.value = event.lengthComputable ? event.loaded / event.total : 0;
      if (event.loaded === event.total) state.textContent = data.texts.starting;
    };
    request.onloadend = () => {
      root.classList.remove("busy");
      bar.hidden = stop.hidden = true;
      const answer = request.response ?? {};
      if (request.status === 202) {
        state.textContent = "";
        root.now.setTriggerValue("job", answer.id);
      } else if (request.status === 0 && request.aborted) {
        state.textContent = "";
      } else {
        state.classList.add("wrong");
        state.textContent = data.refusals[answer.code] ?? answer.detail ?? data.texts.failed;
      }
    };
    request.onabort = () => (request.aborted = true);
    request.send(file);
  }
}
