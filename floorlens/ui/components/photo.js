export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector("figure");
  if (!root) { root = document.createElement("figure"); parentElement.appendChild(root); }
  const [w, h] = data.size ?? [1, 1];
  root.innerHTML = `<img><svg viewBox="0 0 ${w} ${h}" preserveAspectRatio="none"><path></path></svg>`;
  const img = root.querySelector("img");
  img.src = data.source; img.alt = data.texts.alt;
  root.querySelector("path").setAttribute("d", data.polygons.flat().map(
    (ring) => "M" + ring.map(([x, y]) => `${x} ${y}`).join("L") + "Z").join(""));
  root.onclick = (event) => {
    const box = img.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * w, y = (event.clientY - box.top) / box.height * h;
    setTriggerValue("clicks", [...data.clicks, [x, y, !event.shiftKey]]);
  };
}
