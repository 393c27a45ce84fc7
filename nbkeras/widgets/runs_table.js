// The table of runs: sorts by any column, and says how to compare the runs that are ticked.
// A run's `cells` are pairs of a text and a sort key; the key null comes last in either order.

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

function compare(a, b, descending) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" ? a - b : COLLATOR.compare(a, b);
  return descending ? -order : order;
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function render({ model, el, signal }) {
  const columns = model.get("columns");
  const rows = model.get("rows");
  const last = columns.length - 1; // the id
  const sorting = { column: 2, descending: true }; // the newest first

  const headers = columns.map((title, column) => {
    const button = make("button", { type: "button" }, title);
    button.addEventListener("click", () => sortBy(column), { signal });
    return make("th", { scope: "col", className: align(column) }, button);
  });
  const body = make("tbody");
  const hint = make("div", { className: "nbkeras-runs-hint", role: "status" });

  const lines = rows.map(({ id, cells }) => {
    const tick = make("input", { type: "checkbox", ariaLabel: `compare ${cells[0][0]} (${id})` });
    tick.checked = model.get("selected").includes(id);
    tick.addEventListener("change", select, { signal });
    const line = make(
      "tr",
      {},
      make("td", {}, tick),
      ...cells.map(([text], column) =>
        column === 0
          ? make("th", { scope: "row", className: align(column), textContent: text })
          : make("td", { className: align(column), textContent: text }),
      ),
    );
    return { id, cells, tick, line };
  });

  function align(column) {
    return column >= model.get("words") && column !== last ? "nbkeras-number" : "nbkeras-word";
  }

  function sortBy(column) {
    // A second click turns the order round; a time starts with the newest.
    sorting.descending = sorting.column === column ? !sorting.descending : column === 2;
    sorting.column = column;
    draw();
  }

  function draw() {
    const { column, descending } = sorting;
    lines.sort((a, b) => compare(a.cells[column][1], b.cells[column][1], descending));
    body.replaceChildren(...lines.map(({ line }) => line));
    headers.forEach((header, at) => {
      if (at !== column) header.removeAttribute("aria-sort");
      else header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    });
    say();
  }

  function ticked() {
    return lines.filter(({ tick }) => tick.checked).map(({ id }) => id);
  }

  function select() {
    model.set("selected", ticked());
    model.save_changes();
    say();
  }

  function say() {
    const ids = ticked();
    hint.replaceChildren();
    if (ids.length === 1) hint.append("Tick another run to compare them.");
    if (ids.length > 1) hint.append("To compare them: ", make("code", {}, `%runs ${ids.join(" ")}`));
  }

  const leftOut = model.get("left_out");
  const table = make(
    "table",
    {},
    make("caption", {}, "Runs"),
    make("thead", {}, make("tr", {}, make("td"), ...headers)),
    body,
  );
  el.classList.add("nbkeras-runs");
  el.replaceChildren(
    make("div", { className: "nbkeras-runs-scroll", tabIndex: 0, role: "region", ariaLabel: "Runs" }, table),
    ...(leftOut ? [make("div", { className: "nbkeras-runs-hint" }, `and ${leftOut} older runs`)] : []),
    hint,
  );
  draw();
}

export default { render };
