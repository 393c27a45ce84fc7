import { beforeEach, describe, expect, it } from "vitest";
import { CellOutputs, type Item } from "../src/labextension/cell-outputs";
import { WIZARD_MIME_TYPE } from "../src/wizard/events";

type Output = Record<string, unknown> & { data?: object };

/** The outputs of a cell, with what JupyterLab's own model does to streams. */
class Outputs {
  items: (Item & Output)[] = [];
  private stream = "";

  get length() {
    return this.items.length;
  }
  get(index: number) {
    return this.items[index] as Item;
  }
  set(index: number, output: Output) {
    this.items[index] = { data: {}, ...output };
  }
  add(output: Output): number {
    const last = this.items.at(-1);
    if (output.output_type === "stream" && this.stream === output.name && last) {
      if (typeof last.text !== "string") throw new Error("a stream was joined to what is none");
      last.text += output.text as string;
    } else this.items.push({ data: {}, ...output });
    this.stream = output.output_type === "stream" ? (output.name as string) : "";
    return this.length;
  }
  updateOutputs(start: number, end: number, outputs: Output[]) {
    this.items.splice(start, end - start, ...outputs.map((each) => ({ data: {}, ...each })));
  }
  texts() {
    return this.items.map((each) => each.text ?? (each.data as Record<string, string>)["text/plain"]);
  }
}

const FORM = { output_type: "display_data", data: { [WIZARD_MIME_TYPE]: { widget: "w" }, "text/plain": "form" } };
let outputs: Outputs;
let taken: CellOutputs;

beforeEach(() => {
  outputs = new Outputs();
  outputs.add({ output_type: "stream", name: "stdout", text: "before" });
  outputs.add(FORM);
  begin();
});
function begin() {
  taken = new CellOutputs(outputs as never, outputs as never, 1);
}
const message = (msg_type: string, content: object) => ({ header: { msg_type }, content });
const stream = (text: string) => taken.take(message("stream", { name: "stdout", text }));
const display = (text: string, display_id: string, type = "display_data") =>
  taken.take(message(type, { data: { "text/plain": text }, metadata: {}, transient: { display_id } }));

describe("CellOutputs", () => {
  it("puts outputs behind the form and brings displays up to date", () => {
    stream("a");
    display("live", "1");
    stream("b");
    display("end", "1", "update_display_data");
    expect(outputs.texts()).toEqual(["before", "form", "a", "end", "b"]);
    display("end again", "1", "update_display_data");
    expect(outputs.texts()).toEqual(["before", "form", "a", "end again", "b"]);
  });

  it("takes the outputs of the run before away, and joins no stream to the form", () => {
    stream("first");
    begin();
    expect(outputs.texts()).toEqual(["before", "form"]);
    stream("second");
    expect(outputs.texts()).toEqual(["before", "form", "second"]);
  });

  it("goes on when the form's saved part has become another output", () => {
    outputs.set(1, { ...FORM });
    stream("a");
    expect(outputs.texts()).toEqual(["before", "form", "a"]);
  });

  it("clears what it shows, at once or with the next output, and never the form", () => {
    stream("a");
    taken.take(message("clear_output", { wait: false }));
    expect(outputs.texts()).toEqual(["before", "form"]);
    stream("b");
    taken.take(message("clear_output", { wait: true }));
    expect(outputs.texts()).toEqual(["before", "form", "b"]);
    stream("c");
    expect(outputs.texts()).toEqual(["before", "form", "c"]);
  });

  it("takes nothing once the cell has been run again", () => {
    outputs.items = [];
    stream("late");
    display("late", "1");
    taken.take(message("clear_output", { wait: false }));
    expect(outputs.texts()).toEqual([]);
  });

  it("keeps errors and results, and passes over what is no output", () => {
    taken.take(message("status", { execution_state: "busy" }));
    taken.take(message("error", { ename: "KeyError", evalue: "mine", traceback: [] }));
    expect(outputs.items.at(-1)).toMatchObject({ output_type: "error", ename: "KeyError" });
    expect(outputs.length).toBe(3);
  });
});
