// Keeps keys that are meant for a view's fields from being commands of JupyterLab's notebook: an arrow in a list
// would select another cell, and Enter on a button would begin to edit this one.
export default {
  render({ el }) {
    let frame = 0;
    const fields = new MutationObserver(keep);
    const begin = () => {
      const root = el.closest(".nbk-rates-view");
      if (!root) {
        frame = requestAnimationFrame(begin);
        return;
      }
      fields.observe(root, { childList: true, subtree: true });
      keep();
    };
    function keep() {
      // On the very node: of those around it JupyterLab looks at too few.
      for (const node of el.closest(".nbk-rates-view")?.querySelectorAll("select, button") ?? []) {
        node.setAttribute("data-lm-suppress-shortcuts", "true");
      }
    }
    begin();
    return () => {
      cancelAnimationFrame(frame);
      fields.disconnect();
    };
  },
};
