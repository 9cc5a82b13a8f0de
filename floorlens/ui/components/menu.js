// On a small screen Streamlit puts the pages into a menu. Its two buttons get names here; page.css
// draws them.

const OVER_THE_PAGE = "(max-width: 768px)";
const CLOSE = '[data-testid="stSidebarCollapseButton"] button';

export default function ({ parentElement, data }) {
  const name = () => {
    for (const [place, text] of data.names) document.querySelector(place)?.setAttribute("aria-label", text);
  };
  // Streamlit makes the buttons anew each time.
  const watch = new MutationObserver(name);
  // And closes the menu after a choice where the browser says that it is a telephone's; not where
  // the window is as narrow, or on a tablet.
  const close = ({ target }) => {
    if (!target.closest?.('[data-testid="stSidebarNavLink"]') || !matchMedia(OVER_THE_PAGE).matches) return;
    setTimeout(() => document.querySelector(CLOSE)?.click(), 100);
  };
  parentElement.stop?.();
  name();
  watch.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("click", close);
  parentElement.stop = () => {
    watch.disconnect();
    document.removeEventListener("click", close);
  };
  return () => parentElement.stop();
}
