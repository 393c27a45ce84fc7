import { h, setText } from "../element";
import * as format from "../format";
import type { RunStore } from "../store";
import type { Part } from "./part";
import { rows } from "./rows";

const EVERY_MS = 1000;

/** The numbers behind the charts as a table, made when it is opened and then kept up to date once a second. */
export function table(store: RunStore, signal: AbortSignal): Part {
  const caption = h("caption", { class: "nbk-hidden" });
  const head = h("tr");
  const body = h("tbody");
  const grid = h("table", { class: "nbk-table" }, caption, h("thead", {}, head), body);
  const scroller = h("div", { class: "nbk-scroller", tabindex: "0", role: "region" }, grid);
  const events = h("ul", { class: "nbk-events", "aria-label": "Events" });
  const node = h("details", { class: "nbk-data" }, h("summary", {}, "Data table"), scroller, events);
  let drawn = -1;
  let at = Number.NEGATIVE_INFINITY;
  let timer = 0;

  function draw() {
    drawn = store.version;
    at = performance.now();
    const { axis, head: names, body: lines } = rows(store);
    const name = `${store.run?.name ?? ""}: metrics by ${axis}`;
    setText(caption, name);
    scroller.setAttribute("aria-label", name);
    fit(head, [axis, ...names], () => h("th", { scope: "col" }));
    fit(
      body,
      lines.map(() => null),
      () => h("tr", {}, h("th", { scope: "row" })),
    );
    lines.forEach(([x, ...texts], i) => {
      fit(body.children[i] as Element, [format.count(x), ...texts], () => h("td"));
    });
    const said = (store.run?.events ?? []).map(({ step, text }) => `step ${format.count(step)}: ${text}`);
    fit(events, said, () => h("li"));
    events.hidden = said.length === 0;
  }

  function update() {
    if (!node.open || drawn === store.version || timer) return;
    const wait = at + EVERY_MS - performance.now();
    if (wait <= 0) return draw();
    timer = window.setTimeout(() => {
      timer = 0;
      update();
    }, wait);
  }

  node.addEventListener("toggle", update, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return { node, update };
}

/** Gives the parent one child for each text, adding and taking off at the end; null leaves a child's content as it is. */
function fit(parent: Element, texts: readonly (string | null)[], make: () => Element): void {
  while (parent.children.length > texts.length) parent.lastElementChild?.remove();
  texts.forEach((text, i) => {
    const child = parent.children[i] ?? parent.appendChild(make());
    if (text !== null) setText(child, text);
  });
}
