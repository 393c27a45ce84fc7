// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import layerTree from "../src/layer-tree";
import { type Row, Rows } from "../src/layer-tree/rows";
import { FakeModel } from "./model";

const BASE: Row[] = [
  [1, "pictures", "InputLayer", "8, 8, 1", 0, "pictures", ""],
  [1, "base", "Functional", "16", 1234, "base", "h"],
  [2, "block1", "block", "", 1000, "base", "h"],
  [3, "block1_conv", "Conv2D", "8, 8, 4", 900, "base", ""],
  [3, "block1_norm", "BatchNormalization", "8, 8, 4", 100, "base", "nf"],
  [2, "block2_conv", "Conv2D", "4, 4, 8", 234, "base", ""],
  [1, "top", "Dense", "5", 85, "top", ""],
];
const MARKS = ["b--", "b02", "b00", "b00", "b00", "b01", "h11"];
let page: HTMLElement;
let model: FakeModel;
let end: () => void;

const items = () => [...page.querySelectorAll<HTMLElement>("[role=treeitem]")];
const names = () => items().map((each) => each.querySelector(".nbk-tree-layer")?.textContent);
const item = (name: string) => items()[names().indexOf(name)] as HTMLElement;
const at = () => page.querySelector("[tabindex='0'] .nbk-tree-layer")?.textContent;
const button = (text: string) =>
  [...page.querySelectorAll("button")].find((each) => each.textContent === text) as HTMLButtonElement;

function press(...keys: string[]) {
  for (const key of keys) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    page.querySelector("[tabindex='0']")?.dispatchEvent(event);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  page = document.createElement("div");
  document.body.append(page);
  model = new FakeModel({ name: "digits", rows: BASE, marks: MARKS, base: "base", stale: false, said: "" });
  end = layerTree.render({ model: model as never, el: page });
});

afterEach(() => {
  end();
  expect(model.listening).toBe(0);
  page.remove();
  vi.useRealTimers();
});

it("says of each layer what it is and what trains of it in each stage", () => {
  expect(names()).toEqual(BASE.map(([, name]) => name));
  const said = items().map((each) => each.getAttribute("aria-label"));
  expect(said[1]).toBe(
    "base, Functional, output 16, 1,234 parameters, base, the base ends here, stage 1 frozen, stage 2 trains in part",
  );
  expect(said[4]).toContain("frozen by you");
  expect(said[6]).toBe("top, Dense, output 5, 85 parameters, head, stage 1 trains, stage 2 trains");
  expect(items().map((each) => each.getAttribute("aria-selected"))).toEqual(
    BASE.map(([, name]) => `${name === "base"}`),
  );
  expect(item("block1_norm").textContent).toContain("batch norm");
});

it("is walked, folded and used with keys alone", () => {
  press("ArrowDown", "ArrowDown");
  expect(at()).toBe("block1");
  press("ArrowLeft");
  expect(names()).toEqual(["pictures", "base", "block1", "block2_conv", "top"]);
  expect(item("block1").getAttribute("aria-expanded")).toBe("false");
  press("ArrowDown");
  expect(at()).toBe("block2_conv");
  press("ArrowLeft");
  expect(at()).toBe("base");
  press("ArrowLeft", "ArrowLeft");
  expect(names()).toEqual(["pictures", "base", "top"]);
  expect(at()).toBe("base");
  press("End", "ArrowDown");
  expect(at()).toBe("top");
  press("Enter", "Home", " ");
  expect(model.sent).toEqual([
    { type: "choose", name: "top" },
    { type: "choose", name: "pictures" },
  ]);
});

it("leaves other keys to the page", () => {
  const event = new KeyboardEvent("keydown", { key: "x", bubbles: true, cancelable: true });
  page.querySelector("[tabindex='0']")?.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(false);
  press("Enter");
  expect(model.sent).toHaveLength(1);
});

it("is chosen from by a click, and folded by one on the arrow", () => {
  item("block1_conv").click();
  expect(model.sent).toEqual([{ type: "choose", name: "base" }]);
  (item("base").querySelector(".nbk-tree-arrow") as HTMLElement).click();
  expect(names()).toEqual(["pictures", "base", "top"]);
  expect(model.sent).toHaveLength(1);
  button("Unfold all").click();
  expect(names()).toHaveLength(BASE.length);
  button("Fold all").click();
  expect(names()).toEqual(["pictures", "base", "top"]);
});

it("keeps folds and place where the same model comes with another base, and not those of another model", () => {
  press("ArrowDown", "ArrowDown", "ArrowLeft", "End");
  model.set("base", "top");
  model.set("rows", [...BASE]);
  vi.runAllTimers();
  expect(names()).toEqual(["pictures", "base", "block1", "block2_conv", "top"]);
  expect(at()).toBe("top");
  expect(item("top").getAttribute("aria-selected")).toBe("true");
  model.set("name", "others");
  model.set("rows", [...BASE]);
  vi.runAllTimers();
  expect(names()).toHaveLength(BASE.length);
  expect(at()).toBe("pictures");
});

it("has what is folded away of a large model not in the page", () => {
  const inner = [...Array(1000).keys()].map((each): Row => [2, `conv${each}`, "Conv2D", "4", 9, "base", ""]);
  const rows: Row[] = [[1, "base", "Functional", "16", 9000, "base", "h"], ...inner, BASE[6] as Row];
  const large = new Rows(rows);
  expect(large.shown()).toHaveLength(1002);
  const flat = new Rows([...inner.map((row): Row => [1, ...row.slice(1)] as Row), rows[0] as Row, ...inner]);
  expect(flat.shown()).toHaveLength(1001);
});

it("says what came of a choice, and what is wrong elsewhere in the form", () => {
  model.set("said", "block1_conv: a layer inside of base; the base ends at base");
  expect(page.querySelector("[role=status]")?.textContent).toContain("inside of base");
  model.set("stale", true);
  vi.runAllTimers();
  expect(page.querySelector(".nbk-tree")?.hasAttribute("data-stale")).toBe(true);
});
