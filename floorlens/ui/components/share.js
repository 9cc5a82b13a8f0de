// How many products pass, the link to the search, and the shortlist: a line with two panels.

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".line") ?? built(parentElement);
  const { texts } = data;
  root.data = data;
  nameList(data);
  const [count, tools] = root.children;
  setText(count.firstChild, data.count);
  setText(count.lastChild, ` ${data.count && texts.counted}`);
  const [shareHolder, listHolder] = tools.children;
  shareHolder.hidden = !data.share;
  if (data.share) showShare(shareHolder, data);
  showList(listHolder, data);

  function showShare(holder, { share }) {
    const [opener, panel] = holder.children;
    label(opener, texts.share, 0);
    const { body } = heading(panel, texts.shareTitle, texts.close);
    const [link, buttons, said, line, carries, here, title, files] = body.children;
    link.hidden = buttons.hidden = carries.hidden = !share.query;
    setText(line, share.expires ? texts.until.replace("{time}", moment(share.expires, data.locale)) : texts.notKept);
    setText(carries, share.carries);
    carries.hidden ||= !share.carries;
    setText(here, texts.here);
    here.hidden = !share.query || !LOOPBACK.test(location.hostname);
    setText(title, texts.files);
    title.hidden = !share.files.length;
    if (share.query) {
      const address = addressOf(share.query);
      link.value = address;
      link.setAttribute("aria-label", texts.link);
      const [copy, native] = buttons.children;
      setText(copy.lastChild, texts.copy);
      copy.onclick = async () => {
        const done = await copied(address, link);
        said.textContent = "";
        said.textContent = done ? texts.copied : texts.notCopied;
      };
      setText(native.lastChild, texts.native);
      native.hidden = !navigator.share;
      native.onclick = () => navigator.share({ title: texts.title, url: address }).catch(() => {});
    }
    keep(files, share.files, createFile, updateFile);
  }

  function showList(holder, { list }) {
    const [opener, panel] = holder.children;
    label(opener, texts.list, list.length);
    opener.setAttribute("aria-label", list.length ? texts.listCount : texts.list);
    const { body, footer } = heading(panel, texts.list, texts.close);
    const [empty, items] = body.children;
    setText(empty, texts.empty);
    empty.hidden = list.length > 0;
    keep(items, list, createItem, updateItem);
    footer.hidden = !list.length;
    const [files, clear] = footer.children;
    keep(files, data.listFiles, createFile, updateFile);
    setText(clear, texts.clear);
    clear.onclick = () => setTriggerValue("clear", true);
  }

  function createFile() {
    const link = make("a", { className: "plain", download: "" }, icon("file"), make("span"));
    return link;
  }

  function updateFile(link, file) {
    setText(link.lastChild, file.label);
    link.href = file.href;
    if (file.hint) link.setAttribute("aria-label", file.hint);
  }

  function createItem() {
    const item = make("li", {},
      button("open", make("img", { alt: "" }),
        make("span", { className: "about" }, make("b"), make("small"))),
      make("span", { className: "price" }),
      button("remove", icon("close")));
    return item;
  }

  function updateItem(item, product) {
    const [open, price, remove] = item.children;
    setPicture(open.firstChild, product.picture);
    const [name, facts] = open.lastChild.children;
    setText(name, product.name);
    setText(facts, product.material ?? "");
    setText(price, product.price ?? "");
    open.disabled = !product.opens;
    open.onclick = () => {
      item.closest(".panel").hidePopover();
      setTriggerValue("open", product.key);
    };
    remove.setAttribute("aria-label", product.remove);
    remove.onclick = () => {
      const next = item.nextElementSibling ?? item.previousElementSibling;
      (next?.lastChild ?? item.closest(".panel").querySelector(".close")).focus();
      setTriggerValue("remove", product.key);
    };
  }
}

function built(parent) {
  const root = make("div", { className: "line" });
  const share = holder("share", "share",
    make("input", { type: "text", readOnly: true }),
    make("div", { className: "buttons" }, button("filled", icon("link"), make("span")),
      button("plain", icon("share"), make("span"))),
    make("p", { className: "said", role: "status" }), make("p", { className: "note" }),
    make("p", { className: "note" }), make("p", { className: "note" }), make("h4"),
    make("div", { className: "files" }));
  const list = holder("shortlist", "shortlist",
    make("p", { className: "note" }), make("ul"));
  list.lastChild.append(make("footer", {}, make("div", { className: "files" }), button("plain clear")));
  root.append(make("p", { className: "count", role: "status" }, make("b"), make("span")),
    make("div", { className: "tools" }, share, list));
  parent.append(root);
  // The back button, and Streamlit when it names a product, go to addresses without the shortlist.
  const moved = new AbortController();
  const named = () => (root.isConnected ? root.data && nameList(root.data) : moved.abort());
  window.addEventListener("popstate", named, { signal: moved.signal });
  window.navigation?.addEventListener("currententrychange", named, { signal: moved.signal });
  return root;
}

function holder(name, picture, ...content) {
  const opener = button(`tool ${name}`, icon(picture), make("span"), make("b", { className: "badge" }));
  const close = button("close", icon("close"));
  const panel = make("section", { className: `panel ${name}` },
    make("header", {}, make("h3"), close), make("div", { className: "body" }, ...content));
  close.onclick = () => panel.hidePopover();
  opens(opener, panel);
  return make("span", { className: "holder" }, opener, panel);
}

function label(opener, text, count) {
  const [, name, badge] = opener.children;
  setText(name, text);
  setText(badge, count ? String(count) : "");
  badge.hidden = !count;
  opener.title = text;
}

function heading(panel, title, closeText) {
  const [header, body, footer] = panel.children;
  panel.setAttribute("aria-label", title);
  setText(header.firstChild, title);
  header.lastChild.setAttribute("aria-label", closeText);
  return { body, footer };
}

function addressOf(query) {
  const address = new URL(location.pathname, location.origin);
  for (const [name, value] of query) address.searchParams.append(name, value);
  return address.href;
}

/* The shortlist stays in the address, so that a reload brings it back. It is no step to go back to. */
function nameList(data) {
  const address = new URL(location.href);
  const named = address.searchParams.getAll("list");
  if (JSON.stringify(named) === JSON.stringify(data.named)) return;
  address.searchParams.delete("list");
  for (const id of data.named) address.searchParams.append("list", id);
  history.replaceState(history.state, "", address);
}

function moment(text, locale) {
  const parts = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(locale, parts).format(new Date(text));
}

async function copied(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS, or without the permission, there is only the old way.
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}
