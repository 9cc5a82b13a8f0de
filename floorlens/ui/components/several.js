/* Many photos: they stay in the browser, and one is sent when the page asks for it. */

const AGAIN = 3000;

export default function ({ parentElement, data, setTriggerValue }) {
  // Files outlive this element: a visit to another page must not lose them.
  const files = (window.floorlensRooms ??= new Map());
  const { texts } = data;
  let root = parentElement.querySelector(".several");
  if (!root) {
    const accept = "image/*,.heic,.heif,.avif,.tif,.tiff,.jp2";
    root = dropZone("several", { multiple: true, accept }, (chosen) => take(root, chosen));
    parentElement.appendChild(root);
  }
  root.now = { data, setTriggerValue };
  root.classList.toggle("compact", data.compact);
  sayDrop(root, texts.drop, data.compact ? texts.more : texts.choose, `${texts.formats}. ${texts.most}`);
  root.querySelector("input").disabled = data.most === 0;
  if (data.next !== null && root.sending !== data.next) send(root, data.next);
  root.paste ??= (event) => take(root, [...(event.clipboardData?.files ?? [])]);
  window.addEventListener("paste", root.paste); // The same one twice is added once.
  return () => window.removeEventListener("paste", root.paste);

  function take(root, chosen) {
    const { data, setTriggerValue } = root.now;
    const fresh = chosen.slice(0, data.most).map((file) => {
      const number = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
      files.set(number, file);
      return { number, name: file.name };
    });
    root.querySelector("[data-state]").textContent = chosen.length > data.most ? data.texts.tooMany : "";
    if (fresh.length) setTriggerValue("files", fresh);
  }

  async function send(root, number) {
    root.sending = number;
    const refuse = (code) => root.now.setTriggerValue("refusal", { number, code });
    const { data } = root.now;
    const file = files.get(number);
    try {
      if (!file) return refuse("photo-gone");
      if (file.size > data.megabytes * 1e6) return refuse("upload-too-large");
      const answer = await fetch(data.address, { method: "POST", headers: { [data.mark]: "1" }, body: file });
      const { token, code } = await answer.json();
      if (token) root.now.setTriggerValue("photo", { number, token });
      else if (answer.status === 503) throw new Error(code);
      else refuse(code);
    } catch (error) {
      if (error.name === "NotReadableError" || error.name === "NotFoundError") return refuse("photo-gone");
      // The page is busy, or was away for a moment.
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      if (root.isConnected && root.now.data.next === number) return await send(root, number);
    } finally {
      if (root.sending === number) root.sending = null;
    }
  }
}
