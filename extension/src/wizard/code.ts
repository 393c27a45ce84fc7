/** The code at the side of the form, and its buttons. */

import { request as executeRequest } from "../control/execute";
import { asKernel } from "../control/kernel";
import { h, setAttribute, setText } from "../element";
import { copy } from "./clipboard";
import { ask, INSERT, RUN, runRequest, SAVED } from "./events";
import { Form, type Problem } from "./form";
import { listen, type Model } from "./model";

const SAVE_AFTER_MS = 500;
const STATUS: Record<string, string> = {
  "": "",
  running: "Running…",
  done: "Done.",
  failed: "It ended with an error, see below.",
  changed: "Not run: the form changed while Run waited. Look at the code, then press Run again.",
};

/** Draws the code of a wizard into `root` until the signal. */
export function showCode(root: HTMLElement, model: Model, signal: AbortSignal): void {
  const run = button("Run", "nbk-run");
  const copyCode = button("Copy");
  const insert = button("Insert below");
  const said = h("span", { class: "nbk-said", role: "status" });
  const notice = h("p", { class: "nbk-notice" });
  const code = h("code");
  const listing = h("pre", { tabindex: "0", role: "group", "aria-label": "Code" }, code);
  const buttons = h(
    "div",
    { class: "nbk-buttons", role: "group", "aria-label": "With the code" },
    run,
    copyCode,
    insert,
  );
  root.classList.add("nbk-code");
  root.append(h("div", { class: "nbk-bar" }, buttons, said), notice, listing);
  const form = new Form(root, signal);
  const text = () => model.get("code") as string;
  let due = 0;

  const save = () => {
    clearTimeout(due);
    model.send({ type: "save" });
  };

  act(run, () => {
    // Before the kernel is busy, for a page that is closed while it is.
    save();
    const seen = { wizard: model.get("wizard") as string, edition: model.get("edition") as number };
    if (ask(root, RUN, seen)) return;
    const kernel = asKernel(model.widget_manager?.kernel);
    if (kernel) executeRequest(kernel, runRequest(seen, "under its cell"));
    else model.send({ type: "run", edition: seen.edition });
  });
  act(copyCode, async () => {
    setText(said, (await copy(text())) ? "Copied." : "This page may not copy: select the code and press Ctrl+C.");
  });
  act(insert, () => {
    const done = ask(root, INSERT, { code: text() });
    setText(said, done ? "Inserted." : `Run  %wizard ${model.get("recipe")} --insert  in a cell: it makes a new one.`);
  });

  function update(): void {
    const problems = model.get("problems") as Problem[];
    const blocked = model.get("blocked") as string;
    const wrong = problems.length > 0;
    const running = model.get("status") === "running";
    enable(run, !wrong && !blocked && !running);
    enable(copyCode, !wrong);
    enable(insert, !wrong);
    root.toggleAttribute("data-stale", wrong);
    tell(problems, blocked);
    form.show(problems);
  }
  function tell(problems: Problem[], blocked: string): void {
    const shown = JSON.stringify([problems, blocked]);
    if (notice.dataset.shown === shown) return;
    notice.dataset.shown = shown;
    const links = problems.map(([name, label]) => {
      const link = h("button", { type: "button", class: "nbk-link" }, label);
      link.addEventListener("click", () => form.focus(name), { signal });
      return link;
    });
    const words: (Node | string)[] = links.flatMap((link, i) => (i ? [", ", link] : [link]));
    notice.replaceChildren(...(problems.length ? ["This is the code from before. Look at: ", ...words] : [blocked]));
    notice.hidden = !problems.length && !blocked;
  }
  function draw(): void {
    const holder = h("div");
    holder.innerHTML = model.get("html") as string;
    code.replaceChildren(...(holder.querySelector("pre")?.childNodes ?? []));
    clearTimeout(due);
    due = window.setTimeout(save, SAVE_AFTER_MS);
    setText(said, "");
  }
  for (const trait of ["problems", "blocked", "status"]) listen(model, `change:${trait}`, update, signal);
  listen(model, "change:html", draw, signal);
  listen(model, "change:status", () => setText(said, STATUS[model.get("status") as string] ?? ""), signal);
  const onMessage = (content: { type?: string; data?: Record<string, string> }) => {
    if (content.type === "saved" && content.data) ask(root, SAVED, { data: content.data });
  };
  listen(model, "msg:custom", onMessage, signal);
  signal.addEventListener("abort", () => clearTimeout(due));
  draw();
  update();
}

function button(text: string, name = ""): HTMLButtonElement {
  return h("button", { type: "button", class: `nbk-action ${name}`.trim() }, text);
}

// aria-disabled, because a disabled button drops the keyboard's focus.
function enable(node: Element, on: boolean): void {
  setAttribute(node, "aria-disabled", on ? null : "true");
}

function act(node: Element, action: () => void): void {
  node.addEventListener("click", () => {
    if (!node.hasAttribute("aria-disabled")) action();
  });
}
