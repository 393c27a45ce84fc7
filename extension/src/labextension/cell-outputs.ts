import type { IOutput } from "@jupyterlab/nbformat";

/** The part of the model of a cell's outputs that is needed here. */
export interface OutputModel {
  readonly length: number;
  get(index: number): unknown;
  add(output: IOutput): number;
  set(index: number, output: IOutput): void;
  remove?(index: number): void;
}

interface Message {
  header: { msg_type: string };
  content: { transient?: { display_id?: string }; wait?: boolean };
}

const OUTPUTS = new Set(["stream", "display_data", "execute_result", "error"]);

/** The outputs of one run of a wizard: behind the form, in the cell that shows it, in place of those of the run before. */
export class CellOutputs {
  private readonly displayed = new Map<string, unknown[]>();
  private clearing = false;

  /** `form` is the output with the form: what stands behind it is of its runs. */
  constructor(
    private readonly model: OutputModel,
    private readonly form: unknown,
  ) {
    this.clear();
  }

  /** Takes a message of the run. */
  take(message: Message): void {
    // The cell may have been run again meanwhile.
    if (this.place(this.form) < 0) return;
    const { header, content } = message;
    const display = content.transient?.display_id;
    if (header.msg_type === "clear_output") {
      this.clearing = true;
      if (!content.wait) this.clear();
    } else if (header.msg_type === "update_display_data") {
      if (display) this.update(display, content);
    } else if (OUTPUTS.has(header.msg_type)) {
      if (this.clearing) this.clear();
      const index = this.model.add(output(content, header.msg_type)) - 1;
      if (display) this.displayed.set(display, [...(this.displayed.get(display) ?? []), this.model.get(index)]);
    }
  }

  private update(display: string, content: object): void {
    const places = (this.displayed.get(display) ?? []).map((each) => this.place(each)).filter((index) => index >= 0);
    const set = (index: number) => {
      this.model.set(index, output(content, "display_data"));
      return this.model.get(index);
    };
    this.displayed.set(display, places.map(set));
  }

  private clear(): void {
    this.clearing = false;
    const { model } = this;
    const last = model.length - 1;
    const first = this.place(this.form) + 1;
    if (!model.remove || first > last || first === 0) return;
    for (let index = last; index >= first; index--) model.remove(index);
    // The model joins a stream to the stream that it was given last, even if that has been removed: this makes it forget.
    const blank = model.add(output({ data: {}, metadata: {} }, "display_data"));
    model.remove(blank - 1);
  }

  private place(item: unknown): number {
    for (let index = this.model.length - 1; index >= 0; index--) if (this.model.get(index) === item) return index;
    return -1;
  }
}

function output(content: object, type: string): IOutput {
  return { ...content, output_type: type };
}
