import { NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";
import { INSERT, type InsertDetail, RUN, type RunDetail, runRequest, SAVED, type SavedDetail } from "../wizard/events";
import { CellOutputs, type OutputModel, type SharedCell } from "./cell-outputs";

interface Area {
  readonly model: OutputModel & { toJSON(): { data?: object }[] };
  readonly widgets: readonly { readonly node: Element }[];
}

interface Cell {
  readonly node: Element;
  readonly model: { readonly sharedModel: SharedCell };
  /** Of cells with code. */
  readonly outputArea?: Area;
}

interface Place {
  /** Number of the cell that shows the wizard. */
  cell: number;
  shared: SharedCell;
  area: Area;
  /** Number of the output that holds the wizard. */
  index: number;
}

/** Does in a notebook what the views of its wizards ask for. */
export function hostWizards(panel: NotebookPanel): void {
  const { node } = panel.content;
  const on = <Detail>(type: string, act: (place: Place, detail: Detail) => boolean) => {
    node.addEventListener(type, (event) => {
      const place = find(panel, event.target as Element);
      if (place && act(place, (event as CustomEvent<Detail>).detail)) event.preventDefault();
    });
  };
  on<RunDetail>(RUN, ({ shared, area, index }, seen) => {
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel) return false;
    const outputs = area.model;
    const future = kernel.requestExecute(runRequest(seen, "here") as { code: string }, false);
    const taken = new CellOutputs(outputs, shared, index);
    const pressed = document.activeElement;
    let empty = true;
    future.onIOPub = (message) => {
      taken.take(message as Parameters<CellOutputs["take"]>[0]);
      if (!empty || outputs.length <= index + 1) return;
      empty = false;
      // Below a long form they would come unseen; whoever went on to something else is left alone.
      if (document.activeElement === pressed) area.widgets[index + 1]?.node.scrollIntoView({ block: "nearest" });
    };
    return true;
  });
  on<InsertDetail>(INSERT, ({ cell }, { code }) => {
    panel.content.activeCellIndex = cell;
    NotebookActions.insertBelow(panel.content);
    panel.content.activeCell?.model.sharedModel.setSource(code.trimEnd());
    return true;
  });
  on<SavedDetail>(SAVED, ({ area, index }, { data }) => {
    const output = area.model.toJSON()[index];
    if (!output) return false;
    const changed = Object.entries(data).some(([type, text]) => textOf(output.data, type) !== text);
    if (changed) {
      area.model.set(index, {
        output_type: "display_data",
        metadata: {},
        ...output,
        data: { ...output.data, ...data },
      });
    }
    return true;
  });
}

function find(panel: NotebookPanel, target: Element): Place | null {
  const cells = panel.content.widgets as unknown as Cell[];
  const number = cells.findIndex(({ node }) => node.contains(target));
  const cell = cells[number];
  const index = cell?.outputArea?.widgets.findIndex(({ node }) => node.contains(target)) ?? -1;
  if (!cell?.outputArea || index < 0) return null;
  return { cell: number, shared: cell.model.sharedModel, area: cell.outputArea, index };
}

function textOf(data: object | undefined, type: string): string {
  const text = (data as Record<string, string | string[]> | undefined)?.[type] ?? "";
  return Array.isArray(text) ? text.join("") : text;
}
