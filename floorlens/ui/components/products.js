/* Cards of the catalogue's products; a click opens one. */

export default function ({ parentElement, data, setTriggerValue }) {
  let list = parentElement.querySelector("ul");
  if (!list) {
    list = make("ul");
    parentElement.appendChild(list);
  }
  const known = new Map([...list.children].map((item) => [item.dataset.product, item]));
  const items = data.cards.map((card) => drawn(known.get(card.id) ?? newItem(), card));
  arrange(list, items);

  function newItem() {
    const parts = [make("span", { className: "picture" }), make("em"), make("strong"), make("small")];
    return make("li", {}, make("button", { type: "button" }, ...parts));
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
      const source = card.picture;
      const onerror = () => picture.replaceChildren(data.texts.noPicture);
      picture.replaceChildren(make("img", { alt: "", loading: "lazy", dataset: { source }, onerror, src: source }));
    }
    return item;
  }
}
