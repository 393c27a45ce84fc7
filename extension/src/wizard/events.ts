/** What a wizard's view asks of the page around it; JupyterLab with nbkeras's extension listens, see docs/wizard.md. */

/** Run the wizard of this id, with the outputs under its cell's form. */
export interface RunDetail {
  wizard: string;
  /** Number of the code that the view shows. */
  edition: number;
}

/** Put this code into a new cell below. */
export interface InsertDetail {
  code: string;
}

/** Keep this as what a reader without a kernel sees: MIME type to text. */
export interface SavedDetail {
  data: Record<string, string>;
}

/** Of the output that holds a wizard. */
export const WIZARD_MIME_TYPE = "application/vnd.nbkeras.wizard+json";

export const RUN = "nbkeras-wizard-run";
export const INSERT = "nbkeras-wizard-insert";
export const SAVED = "nbkeras-wizard-saved";

/** Asks the page for something; tells whether anybody did it. */
export function ask(node: Element, type: string, detail: RunDetail | InsertDetail | SavedDetail): boolean {
  return !node.dispatchEvent(new CustomEvent(type, { bubbles: true, cancelable: true, composed: true, detail }));
}

/** The Python that runs a wizard: an execute request reaches the kernel's main thread, where a training can be stopped. */
export function runRequest({ wizard, edition }: RunDetail, place: "here" | "under its cell"): object {
  const under = place === "here" ? "" : ", under_cell=True";
  const code = `__import__("nbkeras.widgets.wizard.running", fromlist=["run"]).run("${wizard}", ${edition}${under})`;
  return { code, silent: false, store_history: false, allow_stdin: false, stop_on_error: false };
}
