import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { PanelRuns } from "./panel-runs";
import { MIME_TYPE, MonitorRenderer } from "./renderer";

// Widgets are drawn at rank -10: this comes before them, because it works again in a page that was closed and reopened
// while the kernel is busy.
const RANK = -20;

/** Draws monitors in the notebooks of JupyterLab and of Jupyter Notebook. */
const monitor: JupyterFrontEndPlugin<void> = {
  id: "nbkeras:monitor",
  description: "Draws nbkeras's live monitors, also after closing and reopening a notebook during a run.",
  autoStart: true,
  requires: [INotebookTracker],
  activate(_: JupyterFrontEnd, notebooks: INotebookTracker) {
    const add = (panel: NotebookPanel) => {
      const runs = new PanelRuns(panel.sessionContext);
      const factory = { safe: true, mimeTypes: [MIME_TYPE], createRenderer: () => new MonitorRenderer(runs) };
      panel.content.rendermime.addFactory(factory, RANK);
      panel.disposed.connect(() => runs.dispose());
    };
    notebooks.forEach(add);
    notebooks.widgetAdded.connect((_, panel) => add(panel));
  },
};

export default monitor;
