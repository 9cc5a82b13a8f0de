// What is to be compared, at the lower edge of the screen.

export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector(".room");
  if (!root) {
    const tray = make("section", { className: "tray" },
      make("ul"), make("div", { className: "buttons" }, button("plain clear"), button("filled", icon("compare"), make("span"))));
    root = make("div", { className: "room" }, tray);
    parentElement.append(root);
  }
  const [tray] = root.children;
  const [list, buttons] = tray.children;
  root.hidden = !data.products.length;
  tray.setAttribute("aria-label", data.texts.label);
  keep(list, data.products, create, update);
  const [clear, open] = buttons.children;
  setText(clear, data.texts.clear);
  clear.onclick = () => setTriggerValue("clear", true);
  setText(open.lastChild, data.texts.compare);
  open.onclick = () => setTriggerValue("compare", true);

  function create() {
    const remove = button("remove", make("img", { alt: "" }), icon("close"));
    return make("li", {}, remove);
  }

  function update(item, product) {
    const [remove] = item.children;
    setPicture(remove.firstChild, product.picture);
    remove.setAttribute("aria-label", product.remove);
    remove.title = product.name;
    remove.onclick = () => setTriggerValue("remove", product.key);
  }
}
