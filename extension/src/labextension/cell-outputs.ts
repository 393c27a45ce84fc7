import type { IOutput } from "@jupyterlab/nbformat";
import { WIZARD_MIME_TYPE } from "../wizard/events";

export interface Item {
  readonly data: object;
}

/** The part of the model of a cell's outputs that is needed here. */
export interface OutputModel {
  readonly length: number;
  get(index: number): Item;
  add(output: IOutput): number;
  set(index: number, output: IOutput): void;
}

/** What the cell's file is made from. */
export interface SharedCell {
  updateOutputs(start: number, end: number, outputs: IOutput[]): void;
}

interface Message {
  header: { msg_type: string };
  content: { transient?: { display_id?: string }; wait?: boolean };
}

const OUTPUTS = new Set(["stream", "display_data", "execute_result", "error"]);

/** The outputs of one run of a wizard: behind the form, in the cell that shows it, in place of those of the run before. */
export class CellOutputs {
  private readonly displayed = new Map<string, Item[]>();
  private readonly form: string;
  private clearing = false;

  /** `index` is the place of the form: what stands behind it is of its runs. */
  constructor(
    private readonly model: OutputModel,
    private readonly shared: SharedCell,
    index: number,
  ) {
    this.form = wizardOf(model.get(index));
    this.clear();
  }

  /** Takes a message of the run. */
  take(message: Message): void {
    // The cell may have been run again meanwhile.
    if (this.placeOfForm() < 0) return;
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
    const { model, shared } = this;
    const first = this.placeOfForm() + 1;
    if (first === 0 || first === model.length) return;
    // Not by the model's own remove: JupyterLab 4.6 takes the output from the page and leaves it in the file.
    shared.updateOutputs(first, model.length, []);
    // The model joins a stream to the stream that it was given last, even if that has been removed: this makes it forget.
    const length = model.add(output({ data: {}, metadata: {} }, "display_data"));
    shared.updateOutputs(length - 1, length, []);
  }

  /** The item itself is another one whenever its saved part was brought up to date. */
  private placeOfForm(): number {
    return this.find((item) => wizardOf(item) === this.form);
  }

  private place(item: Item): number {
    return this.find((each) => each === item);
  }

  private find(fits: (item: Item) => boolean): number {
    for (let index = 0; index < this.model.length; index++) if (fits(this.model.get(index))) return index;
    return -1;
  }
}

function wizardOf({ data }: Item): string {
  return (data as Record<string, { widget?: string } | undefined>)[WIZARD_MIME_TYPE]?.widget ?? "";
}

function output(content: object, type: string): IOutput {
  return { ...content, output_type: type };
}
