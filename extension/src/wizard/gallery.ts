/** The gallery: all questions by section and topic, each a button that opens its form. */

import { h, setText } from "../element";
import { watchTheme } from "../theme";
import { keepKeys } from "./form";
import { listen, type Model } from "./model";

interface Topic {
  title: string;
  questions: [name: string, question: string][];
}

interface Section {
  title: string;
  topics: Topic[];
}

export function showGallery(root: HTMLElement, model: Model, signal: AbortSignal): void {
  root.classList.add("nbk-gallery");
  const said = h("p", { class: "nbk-said", role: "status" });
  const sections = (model.get("sections") as Section[]).map((section) =>
    h(
      "section",
      {},
      h("div", { role: "heading", "aria-level": "3", class: "nbk-section" }, section.title),
      h("div", { class: "nbk-topics" }, ...section.topics.map((each) => topic(each, open, signal))),
    ),
  );
  root.append(...sections, said);
  keepKeys(root);
  watchTheme(root, () => {}, signal);

  function open(name: string): void {
    setText(said, "Opening…");
    model.send({ type: "open", name });
  }
  const update = () => {
    const opened = model.get("opened") as string;
    setText(said, opened && "The form is open below.");
    for (const each of root.querySelectorAll<HTMLElement>("[data-name]")) {
      each.toggleAttribute("data-open", each.dataset.name === opened);
    }
  };
  listen(model, "change:opened", update, signal);
  update();
}

function topic({ title, questions }: Topic, open: (name: string) => void, signal: AbortSignal): HTMLElement {
  const items = questions.map(([name, question]) => {
    const button = h("button", { type: "button", "data-name": name }, question);
    button.addEventListener("click", () => open(name), { signal });
    return h("li", {}, button);
  });
  return h(
    "div",
    { class: "nbk-topic" },
    h("div", { role: "heading", "aria-level": "4", class: "nbk-topic-title" }, title),
    h("ul", {}, ...items),
  );
}
