// A place to drop files on, or to choose them in.

/** Returns the place; `facts` are of its input, and `take` gets the files. */
function dropZone(className, facts, take) {
  const input = make("input", { type: "file", ...facts });
  const root = make(
    "div",
    { className: `drop ${className}` },
    make("p", { dataset: { drop: "" } }),
    make("label", {}, input, make("span")),
    make("small"),
    make("p", { dataset: { state: "" }, role: "status" }),
  );
  input.onchange = () => {
    take([...input.files]);
    // The same file can be chosen again.
    input.value = "";
  };
  root.ondragover = (event) => {
    event.preventDefault();
    root.classList.add("over");
  };
  root.ondragleave = () => root.classList.remove("over");
  root.ondrop = (event) => {
    event.preventDefault();
    root.classList.remove("over");
    take([...event.dataTransfer.files]);
  };
  return root;
}

/** Says what can be dropped. */
function sayDrop(root, hint, choose, formats) {
  root.querySelector("[data-drop]").textContent = hint;
  root.querySelector("label span").textContent = choose;
  root.querySelector("small").textContent = formats;
}
