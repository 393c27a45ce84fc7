// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import wizard from "../src/wizard";
import { INSERT, RUN, SAVED } from "../src/wizard/events";
import { FakeKernel } from "./kernel";
import { FakeModel } from "./model";

const HTML = '<div class="highlight"><pre><span></span><span class="kn">import</span> keras\n</pre></div>';
let page: HTMLElement;
let model: FakeModel;
let end: () => void;

function open() {
  page.innerHTML = `<div class="nbk-wizard"><div class="nbk-field nbk-field-patience"><input type="text">
    <div class="nbk-help">help</div><div class="nbk-message"></div></div>
    <div class="nbk-field"><select></select></div><div id="code"></div></div>`;
  end = wizard.render({ model: model as never, el: page.querySelector("#code") as HTMLElement });
}
const button = (name: string) =>
  [...page.querySelectorAll("button")].find((each) => each.textContent === name) as HTMLButtonElement;
const said = () => page.querySelector(".nbk-said")?.textContent;
const input = () => page.querySelector("input") as HTMLInputElement;

beforeEach(() => {
  vi.useFakeTimers();
  page = document.createElement("div");
  document.body.append(page);
  const code = { kind: "code", wizard: "w", recipe: "early_stopping", code: "import keras\n", edition: 3, html: HTML };
  model = new FakeModel({ ...code, problems: [], blocked: "", status: "" });
  open();
});
afterEach(() => {
  end();
  page.remove();
  vi.useRealTimers();
});

describe("the code of a wizard", () => {
  it("is shown highlighted, and saved a moment after its last change", () => {
    expect(page.querySelector("pre .kn")?.textContent).toBe("import");
    vi.advanceTimersByTime(400);
    model.set("html", HTML.replace("keras", "numpy"));
    vi.advanceTimersByTime(400);
    expect(model.sent).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(model.sent).toEqual([{ type: "save" }]);
    const kept = vi.fn();
    page.addEventListener(SAVED, kept);
    model.emit("msg:custom", { type: "saved", data: { "text/plain": "code" } });
    expect(kept.mock.calls[0]?.[0].detail).toEqual({ data: { "text/plain": "code" } });
  });

  it("can't be used while a field is wrong, and says which", () => {
    const run = vi.fn((event: Event) => event.preventDefault());
    page.addEventListener(RUN, run);
    model.set("problems", [["patience", "Patience", "expected a whole number"]]);
    for (const name of ["Run", "Copy", "Insert below"]) {
      expect(button(name).getAttribute("aria-disabled")).toBe("true");
      button(name).click();
    }
    expect(run).not.toHaveBeenCalled();
    expect(input().getAttribute("aria-invalid")).toBe("true");
    button("Patience").click();
    expect(document.activeElement).toBe(input());
    model.set("problems", []);
    expect(input().hasAttribute("aria-invalid")).toBe(false);
    button("Run").click();
    expect(run).toHaveBeenCalledOnce();
  });

  it("ties help and message to the field, and keeps keys from the notebook", () => {
    const ids = input().getAttribute("aria-describedby")?.split(" ") ?? [];
    expect(ids.map((id) => page.querySelector(`#${id}`)?.className)).toEqual(["nbk-help", "nbk-message"]);
    expect(page.querySelector(".nbk-message")?.getAttribute("aria-live")).toBe("polite");
    expect(page.querySelector("select")?.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
    expect(input().hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
  });

  it("is run by an execute request where nobody else does it, after it was saved", () => {
    const kernel = new FakeKernel();
    model.widget_manager.kernel = kernel;
    button("Run").click();
    expect(model.sent).toEqual([{ type: "save" }]);
    expect(kernel.types()).toEqual(["execute_request"]);
    expect(kernel.sent[0]?.content.code).toContain('.run("w", 3, under_cell=True)');
    expect(kernel.sent[0]?.content.store_history).toBe(false);
  });

  it("is run by a message in a page without a kernel to ask", () => {
    button("Run").click();
    expect(model.sent.at(-1)).toEqual({ type: "run", edition: 3 });
  });

  it("can be copied but not run where the kernel can't run it, or runs it now", () => {
    model.set("blocked", "This kernel runs Keras 3.");
    expect(button("Run").hasAttribute("aria-disabled")).toBe(true);
    expect(button("Copy").hasAttribute("aria-disabled")).toBe(false);
    expect(page.querySelector(".nbk-notice")?.textContent).toBe("This kernel runs Keras 3.");
    model.set("blocked", "");
    model.set("status", "running");
    expect(button("Run").hasAttribute("aria-disabled")).toBe(true);
    expect(said()).toBe("Running…");
    model.set("status", "failed");
    expect(button("Run").hasAttribute("aria-disabled")).toBe(false);
    expect(said()).toBe("It ended with an error, see below.");
  });

  it("is inserted by the page, or by what to type", () => {
    button("Insert below").click();
    expect(said()).toContain("%wizard early_stopping --insert");
    page.addEventListener(INSERT, (event) => event.preventDefault(), { once: true });
    button("Insert below").click();
    expect(said()).toBe("Inserted.");
  });

  it("lets go of its model at the end", () => {
    end();
    expect(model.listening).toBe(0);
    vi.advanceTimersByTime(1000);
    expect(model.sent).toEqual([]);
  });
});

describe("the gallery", () => {
  it("opens forms and marks the open one", () => {
    const topic = { title: "Early stopping", questions: [["early_stopping", "How can I stop?"]] };
    model = new FakeModel({ kind: "gallery", sections: [{ title: "Training", topics: [topic] }], opened: "" });
    end();
    open();
    button("How can I stop?").click();
    expect(model.sent).toEqual([{ type: "open", name: "early_stopping" }]);
    model.set("opened", "early_stopping");
    expect(button("How can I stop?").hasAttribute("data-open")).toBe(true);
    expect(said()).toBe("The form is open below.");
  });
});
