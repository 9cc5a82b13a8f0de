/* Cards of the catalogue's products; a click opens one. */

export default function ({ parentElement, data, setTriggerValue }) {
  let list = parentElement.querySelector("ul");
  if (!list) {
    list = document.createElement("ul");
    parentElement.appendChild(list);
  }
  const known = new Map([...list.children].map((item) => [item.dataset.product, item]));
  const items = data.cards.map((card) => drawn(known.get(card.id) ?? newItem(), card));
  list.replaceChildren(...items);

  function newItem() {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const picture = document.createElement("span");
    picture.className = "picture";
    const name = document.createElement("strong");
    const facts = document.createElement("small");
    const badge = document.createElement("em");
    button.append(picture, badge, name, facts);
    item.append(button);
    return item;
  }

  function drawn(item, card) {
    const [button] = item.children;
    const [picture, badge, name, facts] = button.children;
    item.dataset.product = card.id;
    button.setAttribute("aria-label", data.texts.open.replace("{name}", card.name));
    button.onclick = () => setTriggerValue("open", card.id);
    name.textContent = card.name;
    facts.textContent = card.facts;
    badge.textContent = card.badge;
    badge.hidden = !card.badge;
    if (!card.picture) {
      picture.textContent = data.texts.noPicture;
    } else if (picture.firstChild?.dataset?.source !== card.picture) {
      const img = document.createElement("img");
      img.alt = "";
      img.loading = "lazy";
      img.dataset.source = img.src = card.picture;
      img.onerror = () => picture.replaceChildren(data.texts.noPicture);
      picture.replaceChildren(img);
    }
    return item;
  }
}
