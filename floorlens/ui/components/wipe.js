// Two pictures of one size, one over the other, and a slider that says how much of which is seen.

/** Returns the pictures with their slider; `wipe` has `floor`, `product`, `caption` and `whole`, the
 *  product's own picture, which is shown until both are there, and if one of them does not come. */
function wipeOf(wipe, texts) {
  const pictures = ["product", "floor"].map((name) =>
    make("img", { className: name, alt: "", decoding: "async", src: wipe[name] }));
  const slider = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50, "aria-label": texts.label });
  const whole = make("img", { className: "whole", alt: "", decoding: "async", src: wipe.whole });
  const frame = make("div", { className: "frame" }, whole, ...pictures,
    make("span", { className: "side left", textContent: texts.floor, "aria-hidden": "true" }),
    make("span", { className: "side right", textContent: texts.product, "aria-hidden": "true" }),
    make("span", { className: "handle" }), slider);
  const caption = make("span", { role: "status", textContent: `${texts.waits} …` });
  const figure = make("figure", { className: "wipe" }, frame, make("figcaption", {}, caption));
  const place = () => {
    frame.style.setProperty("--place", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", texts.value.replace("{share}", slider.value));
  };
  slider.addEventListener("input", place);
  place();
  Promise.all(pictures.map((picture) => picture.decode())).then(
    () => {
      frame.classList.add("there");
      caption.textContent = wipe.caption;
    },
    () => (caption.textContent = texts.broken),
  );
  return figure;
}
