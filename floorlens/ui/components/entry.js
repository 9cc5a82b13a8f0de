export default function ({ parentElement, data, setTriggerValue }) {
  const { texts } = data;
  let root = parentElement.querySelector(".entry");
  if (!root) {
    root = document.createElement("div");
    root.className = "entry";
    parentElement.appendChild(root);
  }
  root.innerHTML = "";
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/*";
  input.setAttribute("aria-label", texts.choose);
  input.onchange = () => input.files[0] && send(input.files[0]);
  root.append(texts.line, input);
  for (const room of data.samples) {
    const button = document.createElement("button");
    button.textContent = room.title;
    button.onclick = () => setTriggerValue("sample", room.name);
    root.append(button);
  }
  async function send(file) {
    const answer = await fetch(data.address, { method: "POST", headers: { [data.mark]: "1" }, body: file });
    setTriggerValue("photo", { name: file.name, ...(await answer.json()) });
  }
}
