export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector("ol");
  if (!root) { root = document.createElement("ol"); parentElement.appendChild(root); }
  root.dataset.search = data.search;
  root.replaceChildren(...data.cards.map((card) => {
    const item = document.createElement("li");
    item.dataset.product = card.id;
    const img = document.createElement("img");
    if (card.picture) img.src = card.picture;
    img.alt = card.name; img.loading = "lazy";
    item.append(img, `${card.rank}. ${card.name} – ${card.word}`);
    item.onclick = () => setTriggerValue("open", card.id);
    return item;
  }));
}
