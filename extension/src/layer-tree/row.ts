/** One row of the tree as the page shows it, and as a screen reader speaks it. */

import { h } from "../element";
import { holds, isBlock, isFrozenByUser, normalizes, type Row } from "./rows";

/** For each sign of a stage what stands in its column, and its words. */
const STATES: Record<string, [sign: string, words: string]> = {
  "1": ["●", "trains"],
  "2": ["◐", "trains in part"],
  "0": ["○", "frozen"],
  "-": ["", "nothing to train"],
};
const INDENT = 16;

export type Part = "base" | "head";

/** What a row shows beside its layer. */
export interface Shown {
  index: number;
  part: Part;
  /** For each stage its sign. */
  stages: string[];
  /** Whether the base ends here. */
  isEnd: boolean;
  folded: boolean;
  /** Whether the keyboard is here. */
  isAt: boolean;
}

export function chip(part: Part): HTMLElement {
  return h("span", { class: `nbk-tree-part nbk-tree-${part}` }, part);
}

export function drawRow(row: Row, shown: Shown): HTMLElement {
  const [level, , kind, shape, parameters] = row;
  const { index, part, stages, isEnd, folded, isAt } = shown;
  const node = h(
    "div",
    {
      role: "treeitem",
      class: "nbk-tree-row",
      "aria-level": String(level),
      "aria-selected": String(isEnd),
      "aria-label": spoken(row, shown),
      "data-part": part,
      "data-index": String(index),
      "data-kind": isBlock(row) ? "block" : "layer",
      tabindex: isAt ? "0" : "-1",
      "data-lm-suppress-shortcuts": "true",
    },
    drawName(row, shown),
    h("span", { class: "nbk-tree-wide" }, kind),
    h("span", { class: "nbk-tree-wide" }, shape),
    h("span", { class: "nbk-tree-wide nbk-tree-number" }, parameters ? parameters.toLocaleString("en") : "–"),
    h("span", { class: "nbk-tree-wide" }, chip(part)),
  );
  if (holds(row)) node.setAttribute("aria-expanded", String(!folded));
  if (stages.length) node.append(h("span", { class: "nbk-tree-marks" }, ...stages.map(drawState)));
  return node;
}

function drawName(row: Row, { part, isEnd, folded }: Shown): HTMLElement {
  const [level, name, kind, shape, parameters] = row;
  const arrow = holds(row) ? (folded ? "▸" : "▾") : "\u00a0";
  const words = h("span", { class: "nbk-tree-words" }, h("span", { class: "nbk-tree-layer" }, name));
  if (normalizes(row)) words.append(h("span", { class: "nbk-tree-chip" }, "batch norm"));
  if (isFrozenByUser(row)) words.append(h("span", { class: "nbk-tree-chip" }, "frozen by you"));
  if (isEnd) words.append(h("span", { class: "nbk-tree-chip nbk-tree-end" }, "the base ends here"));
  const count = parameters ? `${parameters.toLocaleString("en")} parameters` : "";
  const facts = [kind, shape, count].filter(Boolean).join(", ");
  words.append(h("span", { class: "nbk-tree-narrow" }, chip(part), ` ${facts}`));
  const style = `padding-left:${(level - 1) * INDENT}px`;
  return h("span", { class: "nbk-tree-name", style }, h("span", { class: "nbk-tree-arrow" }, arrow), words);
}

function drawState(state: string): HTMLElement {
  const [sign, words] = STATES[state] ?? ["", ""];
  return h("span", { class: "nbk-tree-mark", "data-state": state, title: words }, sign);
}

function spoken(row: Row, { part, stages, isEnd }: Shown): string {
  const [, name, kind, shape, parameters] = row;
  const said = [name, kind];
  if (shape) said.push(`output ${shape}`);
  said.push(`${parameters.toLocaleString("en")} parameters`, part);
  if (isFrozenByUser(row)) said.push("frozen by you");
  if (isEnd) said.push("the base ends here");
  if (stages[0] !== "-") said.push(...stages.map((each, number) => `stage ${number + 1} ${STATES[each]?.[1] ?? ""}`));
  return said.join(", ");
}
