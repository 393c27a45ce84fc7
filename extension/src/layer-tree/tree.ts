/** The layers of a model as a tree: folded by arrows, the end of the base chosen by a click or Enter. */

import { h, setText } from "../element";
import { listen, type Model } from "../wizard/model";
import { chip, drawRow, type Part } from "./row";
import { holds, type Row, Rows } from "./rows";

const CHANGES = ["rows", "marks", "base", "stale", "name"];

export class LayerTree {
  private rows = new Rows([]);
  private given: unknown = null;
  private shownName: unknown = null;
  private due = 0;

  private readonly title = h("span", { class: "nbk-tree-title" });
  private readonly names = h("div", { class: "nbk-tree-row nbk-tree-names", "aria-hidden": "true" });
  private readonly tree = h("div", { role: "tree" });
  private readonly legend = h("p", { class: "nbk-tree-legend" });
  private readonly said = h("p", { class: "nbk-tree-said", role: "status" });
  readonly root: HTMLElement;

  constructor(
    private readonly model: Model,
    private readonly signal: AbortSignal,
  ) {
    const buttons = h(
      "span",
      { class: "nbk-tree-buttons" },
      this.button("Unfold all", false),
      this.button("Fold all", true),
    );
    const top = h("div", { class: "nbk-tree-top" }, this.title, buttons);
    const box = h("div", { class: "nbk-tree-box" }, this.names, this.tree);
    this.root = h("div", { class: "nbk-tree" }, top, this.legend, box, this.said);
    this.tree.addEventListener("click", (event) => this.clicked(event), { signal });
    this.tree.addEventListener("keydown", (event) => this.pressed(event), { signal });
    for (const name of CHANGES) listen(model, `change:${name}`, () => this.drawSoon(), signal);
    listen(model, "change:said", () => this.tell(), signal);
    signal.addEventListener("abort", () => cancelAnimationFrame(this.due));
    this.draw();
    this.tell();
  }

  /** One message changes several traits. */
  private drawSoon(): void {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.draw());
  }

  private tell(): void {
    setText(this.said, String(this.model.get("said")));
  }

  private draw(): void {
    const given = this.model.get("rows");
    const name = String(this.model.get("name"));
    if (given !== this.given) {
      this.rows = new Rows(given as Row[], name === this.shownName ? this.rows : null);
      this.given = given;
      this.shownName = name;
    }
    const focused = this.tree.contains(document.activeElement);
    const marks = this.model.get("marks") as string[];
    const stages = Math.max(0, (marks[0]?.length ?? 1) - 1);
    this.root.style.setProperty("--nbk-stages", String(stages));
    this.root.hidden = this.rows.all.length === 0;
    this.root.toggleAttribute("data-stale", Boolean(this.model.get("stale")));
    this.title.replaceChildren("Layers of ", h("b", {}, name));
    this.tree.setAttribute("aria-label", `Layers of ${name}: Enter lets the base end at one`);
    this.drawHeads(stages);
    // Rows that are folded away are not in the page, so that a model of a thousand layers stays quick.
    this.tree.replaceChildren(...this.rows.shown().map((index) => this.drawRow(index, marks[index] ?? "b")));
    if (focused) this.at()?.focus();
  }

  private drawRow(index: number, mark: string): HTMLElement {
    const row = this.rows.all[index] as Row;
    const base = this.model.get("base");
    return drawRow(row, {
      index,
      part: mark[0] === "h" ? "head" : "base",
      stages: [...mark.slice(1)],
      isEnd: row[0] === 1 && row[5] === base && row[1] === base,
      folded: this.rows.isFolded(index),
      isAt: index === this.rows.at,
    });
  }

  private drawHeads(stages: number): void {
    const numbers = [...Array(stages).keys()].map((each) => String(each + 1));
    this.names.replaceChildren(
      h("span", {}, "Layer"),
      h("span", { class: "nbk-tree-wide" }, "Class"),
      h("span", { class: "nbk-tree-wide" }, "Output"),
      h("span", { class: "nbk-tree-wide nbk-tree-number" }, "Parameters"),
      h("span", { class: "nbk-tree-wide" }, "Part"),
    );
    const heads = numbers.map((each) => h("span", { class: "nbk-tree-mark" }, each));
    if (stages) this.names.append(h("span", { class: "nbk-tree-marks" }, ...heads));
    const [base, head] = (["base", "head"] as Part[]).map(chip) as [HTMLElement, HTMLElement];
    const states = stages ? ` Stage ${numbers.join(", ")}: ● trains, ◐ in part, ○ frozen.` : "";
    const rest = ` is new. A click, or Enter, lets the base end at a layer.${states}`;
    this.legend.replaceChildren("The ", base, " has learned, the ", head, rest);
  }

  /** The row that the keyboard is at. */
  private at(): HTMLElement | null {
    return this.tree.querySelector<HTMLElement>("[tabindex='0']");
  }

  private go(index: number): void {
    this.rows.at = index;
    for (const node of this.tree.querySelectorAll<HTMLElement>("[role=treeitem]")) {
      node.tabIndex = Number(node.dataset.index) === index ? 0 : -1;
    }
    this.at()?.focus({ preventScroll: true });
    this.at()?.scrollIntoView({ block: "nearest" });
  }

  private choose(): void {
    this.model.send({ type: "choose", name: this.rows.all[this.rows.at]?.[5] });
  }

  private fold(away: boolean): void {
    if (this.rows.fold(this.rows.at, away)) this.draw();
  }

  private clicked(event: Event): void {
    const target = event.target as Element;
    const node = target.closest<HTMLElement>("[role=treeitem]");
    if (!node) return;
    this.go(Number(node.dataset.index));
    const row = this.rows.all[this.rows.at];
    if (row && holds(row) && target.closest(".nbk-tree-arrow")) this.fold(!this.rows.isFolded(this.rows.at));
    else this.choose();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { rows } = this;
    const row = rows.all[rows.at];
    const opens = row !== undefined && holds(row) && rows.isFolded(rows.at);
    const folds = row !== undefined && holds(row) && !rows.isFolded(rows.at);
    if (event.key === "Enter" || event.key === " ") this.choose();
    else if (event.key === "ArrowRight" && opens) this.fold(false);
    else if (event.key === "ArrowLeft" && folds) this.fold(true);
    else if (["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      const to = rows.reached(event.key);
      if (to !== null) this.go(to);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private button(text: string, away: boolean): HTMLElement {
    const attributes = { type: "button", class: "nbk-tree-button", "data-lm-suppress-shortcuts": "true" };
    const node = h("button", attributes, text);
    const act = () => {
      this.rows.foldAll(away);
      this.draw();
    };
    node.addEventListener("click", act, { signal: this.signal });
    return node;
  }
}
