// Two pictures of one size, one over the other, and a slider that says how much of which is seen.

/** Returns the pictures with their slider; `wipe` has `floor`, `product` and `caption`. */
function wipeOf(wipe, texts) {
  const pictures = ["product", "floor"].map((name) =>
    make("img", { className: name, alt: "", decoding: "async", src: wipe[name] }));
  const slider = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50, "aria-label": texts.label });
  const frame = make("div", { className: "frame" }, ...pictures,
    make("span", { className: "side left", textContent: texts.floor, "aria-hidden": "true" }),
    make("span", { className: "side right", textContent: texts.product, "aria-hidden": "true" }),
    make("span", { className: "handle" }), slider);
  const figure = make("figure", { className: "wipe" }, frame,
    make("figcaption", { textContent: wipe.caption }));
  const place = () => {
    frame.style.setProperty("--place", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", texts.value.replace("{share}", slider.value));
  };
  slider.addEventListener("input", place);
  for (const picture of pictures) {
    picture.addEventListener("error", () => figure.classList.add("broken"));
    picture.addEventListener("load", () => picture.classList.add("there"));
  }
  place();
  return figure;
}
