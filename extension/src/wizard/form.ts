/** What the form's own widgets lack: messages tied to their fields for screen readers, and keys that stay in the form. */

import { setAttribute } from "../element";
import { watchTheme } from "../theme";

/** The name of a field, its label, and what is wrong with it. */
export type Problem = [name: string, label: string, text: string];

const WIZARD = ".nbk-wizard";
let made = 0;

export class Form {
  private root: HTMLElement | null = null;
  private problems: Problem[] = [];

  /** `inside` is an element of the wizard; it may come into the page later. */
  constructor(
    private readonly inside: HTMLElement,
    private readonly signal: AbortSignal,
  ) {
    this.attach();
  }

  show(problems: Problem[]): void {
    this.problems = problems;
    this.tie();
  }

  /** Puts the keyboard into a field. */
  focus(name: string): void {
    control(this.root?.querySelector(`.nbk-field-${CSS.escape(name)}`))?.focus();
  }

  private attach(): void {
    if (this.signal.aborted) return;
    this.root = this.inside.closest<HTMLElement>(WIZARD);
    if (!this.root) {
      requestAnimationFrame(() => this.attach());
      return;
    }
    watchTheme(this.root, () => {}, this.signal);
    // The form's widgets are drawn when they are ready, each by itself.
    const observer = new MutationObserver(() => this.tie());
    observer.observe(this.root, { childList: true, subtree: true });
    this.signal.addEventListener("abort", () => observer.disconnect());
    this.tie();
  }

  private tie(): void {
    if (this.root) keepKeys(this.root);
    for (const field of this.root?.querySelectorAll<HTMLElement>(".nbk-field") ?? []) {
      const input = control(field);
      if (!input) continue;
      const wrong = this.problems.some(([name]) => field.classList.contains(`nbk-field-${name}`));
      setAttribute(input, "aria-invalid", wrong ? "true" : null);
      const [help, message] = [field.querySelector(".nbk-help"), field.querySelector(".nbk-message")];
      if (message) setAttribute(message, "aria-live", "polite");
      const ids = [help, message].flatMap((node) => (node ? [identify(node)] : []));
      if (ids.length) setAttribute(input, "aria-describedby", ids.join(" "));
    }
  }
}

/**
 * Keeps keys that are meant for the wizard from being commands of the notebook: in JupyterLab d d in a list would delete the
 * cell, and Enter on a button would begin to edit it. Text fields need no help.
 */
export function keepKeys(root: Element): void {
  for (const node of root.querySelectorAll("input:not([type=text]), select, button, summary, a, pre")) {
    // On the very node: of those around it JupyterLab looks at too few.
    setAttribute(node, "data-lm-suppress-shortcuts", "true");
  }
}

function control(field: Element | null | undefined): HTMLElement | null {
  return field?.querySelector<HTMLElement>("input, select, textarea") ?? null;
}

function identify(node: Element): string {
  if (!node.id) node.id = `nbk-${++made}`;
  return node.id;
}
