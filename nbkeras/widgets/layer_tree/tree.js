// The layers of a model as a tree: folded by arrows, the end of the base chosen by a click or Enter. Rows that are
// folded away are not in the page, so that a model of a thousand layers stays quick.
const OPEN_UP_TO = 40;
const [LEVEL, NAME, KIND, SHAPE, PARAMETERS, END, SIGNS] = [0, 1, 2, 3, 4, 5, 6];
const STATES = {
  1: ["●", "trains"],
  2: ["◐", "trains in part"],
  0: ["○", "frozen"],
  "-": ["", "nothing to train"],
};
const PARTS = { b: "base", h: "head" };

function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export default {
  render({ model, el }) {
    const life = new AbortController();
    const title = h("span", { class: "nbk-tree-title" });
    const unfold = button("Unfold all", () => foldAll(false));
    const fold = button("Fold all", () => foldAll(true));
    const names = h("div", { class: "nbk-tree-row nbk-tree-names", "aria-hidden": "true" });
    const tree = h("div", { role: "tree" });
    const box = h("div", { class: "nbk-tree-box" }, names, tree);
    const legend = h("p", { class: "nbk-tree-legend" });
    const said = h("p", { class: "nbk-tree-said", role: "status" });
    const top = h("div", { class: "nbk-tree-top" }, title, h("span", { class: "nbk-tree-buttons" }, unfold, fold));
    const root = h("div", { class: "nbk-tree" }, top, legend, box, said);
    el.append(root);

    let rows = null;
    let shownName = null;
    let folded = new Set();
    // Index of the row that the keyboard is at.
    let at = 0;

    const holds = (index) => rows[index][SIGNS].includes("h");
    const parent = (index) => {
      let found = index - 1;
      while (found >= 0 && rows[found][LEVEL] >= rows[index][LEVEL]) found -= 1;
      return found;
    };

    function shown() {
      const found = [];
      let under = Number.POSITIVE_INFINITY;
      rows.forEach((row, index) => {
        if (row[LEVEL] > under) return;
        under = folded.has(index) ? row[LEVEL] : Number.POSITIVE_INFINITY;
        found.push(index);
      });
      return found;
    }

    function takeRows() {
      const before = rows ?? [];
      const same = shownName === model.get("name");
      const held = new Map(before.flatMap((row, index) => (holds(index) ? [[row[NAME], folded.has(index)]] : [])));
      const name = before[at]?.[NAME];
      rows = model.get("rows");
      shownName = model.get("name");
      const large = rows.length > OPEN_UP_TO;
      const outer = rows.filter((row) => row[LEVEL] === 1).length;
      // Of a large model a base that is one row of few is open; what is in it is not.
      const away = ([level, , kind]) => large && (level > 1 || outer > OPEN_UP_TO || kind === "block");
      folded = new Set(
        [...rows.keys()].filter((i) => holds(i) && ((same ? held.get(rows[i][NAME]) : undefined) ?? away(rows[i]))),
      );
      // Where the base ends elsewhere, there are other blocks.
      at = same
        ? Math.max(
            0,
            rows.findIndex((row) => row[NAME] === name && row[KIND] !== "block"),
          )
        : 0;
    }

    function draw() {
      if (rows !== model.get("rows")) takeRows();
      const focused = tree.contains(document.activeElement);
      const marks = model.get("marks");
      const stages = Math.max(0, (marks[0]?.length ?? 1) - 1);
      root.style.setProperty("--nbk-stages", String(stages));
      root.hidden = rows.length === 0;
      title.replaceChildren("Layers of ", h("b", {}, model.get("name")));
      tree.setAttribute("aria-label", `Layers of ${model.get("name")}: Enter lets the base end at one`);
      const heads = [...Array(stages).keys()].map((each) => h("span", { class: "nbk-tree-mark" }, `${each + 1}`));
      names.replaceChildren(
        h("span", {}, "Layer"),
        h("span", { class: "nbk-tree-wide" }, "Class"),
        h("span", { class: "nbk-tree-wide" }, "Output"),
        h("span", { class: "nbk-tree-wide nbk-tree-number" }, "Parameters"),
        h("span", { class: "nbk-tree-wide" }, "Part"),
        ...(stages ? [h("span", { class: "nbk-tree-marks" }, ...heads)] : []),
      );
      drawLegend(stages);
      const visible = shown();
      at = visible.findLast((index) => index <= at) ?? 0;
      tree.replaceChildren(...visible.map((index) => drawRow(index, marks[index] ?? "b")));
      root.toggleAttribute("data-stale", model.get("stale"));
      if (focused) tree.querySelector("[tabindex='0']")?.focus();
    }

    function drawLegend(stages) {
      const swatch = (part) => h("span", { class: `nbk-tree-part nbk-tree-${part}` }, part);
      const states = stages
        ? ` Stage ${[...Array(stages).keys()].map((i) => i + 1).join(", ")}: ● trains, ◐ in part, ○ frozen.`
        : "";
      legend.replaceChildren(
        "The ",
        swatch("base"),
        " has learned, the ",
        swatch("head"),
        ` is new. A click, or Enter, lets the base end at a layer.${states}`,
      );
    }

    function drawRow(index, mark) {
      const row = rows[index];
      const part = PARTS[mark[0]];
      const isEnd = row[LEVEL] === 1 && row[END] === model.get("base") && row[NAME] === model.get("base");
      const states = [...mark.slice(1)];
      const open = holds(index) ? String(!folded.has(index)) : null;
      const name = h("span", { class: "nbk-tree-name", style: `padding-left:${(row[LEVEL] - 1) * 16}px` });
      name.append(h("span", { class: "nbk-tree-arrow" }, open === null ? "\u00a0" : open === "true" ? "▾" : "▸"));
      const words = h("span", { class: "nbk-tree-words" }, h("span", { class: "nbk-tree-layer" }, row[NAME]));
      if (row[SIGNS].includes("n")) words.append(h("span", { class: "nbk-tree-chip" }, "batch norm"));
      if (row[SIGNS].includes("f")) words.append(h("span", { class: "nbk-tree-chip" }, "frozen by you"));
      if (isEnd) words.append(h("span", { class: "nbk-tree-chip nbk-tree-end" }, "the base ends here"));
      const count = row[PARAMETERS] ? `${row[PARAMETERS].toLocaleString("en")} parameters` : "";
      const facts = [row[KIND], row[SHAPE], count].filter(Boolean).join(", ");
      const inWords = h("span", { class: `nbk-tree-part nbk-tree-${part}` }, part);
      words.append(h("span", { class: "nbk-tree-narrow" }, inWords, ` ${facts}`));
      name.append(words);
      const cells = states.map((state) =>
        h("span", { class: "nbk-tree-mark", "data-state": state, title: STATES[state][1] }, STATES[state][0]),
      );
      const node = h(
        "div",
        {
          role: "treeitem",
          class: "nbk-tree-row",
          "aria-level": String(row[LEVEL]),
          "aria-expanded": open,
          "aria-selected": String(isEnd),
          "aria-label": spoken(row, part, states, isEnd),
          "data-part": part,
          "data-index": String(index),
          "data-kind": row[KIND] === "block" ? "block" : "layer",
          tabindex: index === at ? "0" : "-1",
          "data-lm-suppress-shortcuts": "true",
        },
        name,
        h("span", { class: "nbk-tree-wide" }, row[KIND]),
        h("span", { class: "nbk-tree-wide" }, row[SHAPE]),
        h("span", { class: "nbk-tree-wide nbk-tree-number" }, count.split(" ")[0] || "–"),
        h("span", { class: "nbk-tree-wide" }, h("span", { class: `nbk-tree-part nbk-tree-${part}` }, part)),
        ...(states.length ? [h("span", { class: "nbk-tree-marks" }, ...cells)] : []),
      );
      return node;
    }

    function spoken(row, part, states, isEnd) {
      const said = [row[NAME], row[KIND]];
      if (row[SHAPE]) said.push(`output ${row[SHAPE]}`);
      said.push(`${row[PARAMETERS].toLocaleString("en")} parameters`, part);
      if (row[SIGNS].includes("f")) said.push("frozen by you");
      if (isEnd) said.push("the base ends here");
      if (states.length && states[0] !== "-") {
        said.push(...states.map((state, number) => `stage ${number + 1} ${STATES[state][1]}`));
      }
      return said.join(", ");
    }

    function go(index) {
      at = index;
      for (const node of tree.children) node.tabIndex = Number(node.dataset.index) === at ? 0 : -1;
      const node = tree.querySelector("[tabindex='0']");
      node?.focus({ preventScroll: true });
      node?.scrollIntoView({ block: "nearest" });
    }

    function toggle(index, away) {
      if (!holds(index) || folded.has(index) === away) return;
      if (away) folded.add(index);
      else folded.delete(index);
      draw();
    }

    function foldAll(away) {
      folded = new Set(away ? rows.keys() : []);
      draw();
    }

    function choose(index) {
      model.send({ type: "choose", name: rows[index][END] });
    }

    tree.addEventListener("click", (event) => {
      const node = event.target.closest("[role=treeitem]");
      if (!node) return;
      const index = Number(node.dataset.index);
      at = index;
      if (event.target.closest(".nbk-tree-arrow") && holds(index)) toggle(index, !folded.has(index));
      else {
        go(index);
        choose(index);
      }
    });
    tree.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const visible = shown();
      const place = visible.indexOf(at);
      const keys = {
        ArrowDown: () => go(visible[Math.min(place + 1, visible.length - 1)]),
        ArrowUp: () => go(visible[Math.max(place - 1, 0)]),
        Home: () => go(visible[0]),
        End: () => go(visible.at(-1)),
        Enter: () => choose(at),
        " ": () => choose(at),
        ArrowRight: () => (folded.has(at) ? toggle(at, false) : holds(at) && go(visible[place + 1] ?? at)),
        ArrowLeft: () => (holds(at) && !folded.has(at) ? toggle(at, true) : parent(at) >= 0 && go(parent(at))),
      };
      if (!(event.key in keys)) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    });

    const tell = () => {
      said.textContent = model.get("said");
    };
    // One message changes several of them.
    let due = 0;
    const later = () => {
      cancelAnimationFrame(due);
      due = requestAnimationFrame(draw);
    };
    const changes = { "change:said": tell };
    for (const each of ["rows", "marks", "base", "stale", "name"]) changes[`change:${each}`] = later;
    for (const [event, act] of Object.entries(changes)) model.on(event, act);
    draw();
    tell();
    return () => {
      life.abort();
      cancelAnimationFrame(due);
      for (const [event, act] of Object.entries(changes)) model.off(event, act);
    };

    function button(text, act) {
      const node = h(
        "button",
        { type: "button", class: "nbk-tree-button", "data-lm-suppress-shortcuts": "true" },
        text,
      );
      node.addEventListener("click", act, { signal: life.signal });
      return node;
    }
  },
};
