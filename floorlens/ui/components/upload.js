/* A file of products, sent to the service through the page as it is read: nothing holds it whole. */

export default function ({ parentElement, data, setTriggerValue }) {
  const { texts } = data;
  let root = parentElement.querySelector(".upload");
  if (!root) {
    root = dropZone("upload", {}, ([file]) => {
      // One at a time: the next one would say where the first one is.
      if (file && !root.classList.contains("busy")) send(root, file);
    });
    const stop = { type: "button", hidden: true, dataset: { stop: "" }, onclick: () => root.request?.abort() };
    root.querySelector("[data-state]").before(make("progress", { max: 1, hidden: true }));
    root.append(make("button", stop));
    parentElement.appendChild(root);
  }
  root.now = { data, setTriggerValue };
  sayDrop(root, texts.drop, texts.choose, texts.formats);
  root.querySelector("[data-stop]").textContent = texts.stop;
  root.querySelector("input").accept = data.accept;
  return () => root.isConnected || root.request?.abort();

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
