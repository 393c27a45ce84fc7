// Makes a table of runs sort by a click on a column's name, and says how to compare ticked runs.
// It comes with the table's HTML: where a front end runs no scripts the table stands as it is.
(() => {
  const collator = new Intl.Collator(undefined, { numeric: true });

  /** The order of two sort keys; null, a value that is missing, comes last either way. */
  function order(a, b, descending) {
    if (a === null || b === null) return (a === null) - (b === null);
    const ascending = typeof a === "number" ? a - b : collator.compare(a, b);
    return descending ? -ascending : ascending;
  }

  function make(tag, properties, style, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.style.cssText = style;
    element.append(...children);
    return element;
  }

  function enliven(view) {
    const table = view.querySelector("table");
    const { words, numbers } = JSON.parse(table.dataset.keys);
    const headers = [...table.tHead.rows[0].cells];
    const last = headers.length - 1; // the id
    const lines = [...table.tBodies[0].rows].map((row, at) => ({
      row,
      texts: [...row.cells].map((cell) => cell.textContent),
      numbers: numbers[at],
    }));
    const hint = make("div", { role: "status" }, "min-height:1.5em");
    let column = 2; // when, the newest first, is how the table comes
    let descending = true;

    function key(line, at) {
      return at < words || at === last ? line.texts[at] : line.numbers[at - words];
    }

    function sort(at) {
      descending = column === at ? !descending : at === 2;
      column = at;
      lines.sort((a, b) => order(key(a, column), key(b, column), descending));
      table.tBodies[0].append(...lines.map(({ row }) => row));
      mark();
    }

    function mark() {
      headers.forEach((header, at) => {
        const arrow = header.querySelector("span");
        if (at === column) header.setAttribute("aria-sort", descending ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
        arrow.textContent = at !== column ? "" : descending ? "↓" : "↑";
      });
      say();
    }

    function say() {
      const ids = lines.filter(({ tick }) => tick.checked).map(({ texts }) => texts[last]);
      hint.replaceChildren();
      if (ids.length === 1) hint.append("Tick another run to compare the two.");
      if (ids.length > 1) hint.append("To compare them: ", make("code", {}, "", `%runs ${ids.join(" ")}`));
    }

    for (const [at, header] of headers.entries()) {
      // The arrow has its room in every header, so that nothing moves.
      const arrow = make("span", { ariaHidden: "true" }, "display:inline-block;width:1em;text-align:center");
      const style = "background:none;border:0;padding:0;color:inherit;font:inherit;cursor:pointer";
      const button = make("button", { type: "button", onclick: () => sort(at) }, style, header.textContent, arrow);
      header.replaceChildren(button);
    }
    table.tHead.rows[0].prepend(make("td", {}, ""));
    for (const line of lines) {
      const label = `compare ${line.texts[0]} (${line.texts[last]})`;
      line.tick = make("input", { type: "checkbox", ariaLabel: label, onchange: say }, "");
      line.row.prepend(make("td", {}, "", line.tick));
    }
    view.append(hint);
    mark();
  }

  for (const view of document.querySelectorAll(".nbkeras-runs:not([data-sorts])")) {
    view.dataset.sorts = "";
    enliven(view);
  }
})();
