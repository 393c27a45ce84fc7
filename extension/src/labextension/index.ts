import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { WIZARD_MIME_TYPE } from "../wizard/events";
import { PanelRuns } from "./panel-runs";
import { PanelWidgets } from "./panel-widgets";
import { MIME_TYPE, MonitorRenderer } from "./renderer";
import { hostWizards } from "./wizard-host";
import { WizardRenderer } from "./wizard-renderer";

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

/** Draws wizards, and does what their buttons ask for: outputs under the form, a cell below. */
const wizard: JupyterFrontEndPlugin<void> = {
  id: "nbkeras:wizard",
  description: "Draws nbkeras's wizards, live or as saved, and inserts and runs their code.",
  autoStart: true,
  requires: [INotebookTracker],
  activate(_: JupyterFrontEnd, notebooks: INotebookTracker) {
    const add = (panel: NotebookPanel) => {
      const widgets = new PanelWidgets(panel.sessionContext);
      const { rendermime } = panel.content;
      const factory = {
        safe: true,
        mimeTypes: [WIZARD_MIME_TYPE],
        createRenderer: () => new WizardRenderer(rendermime, widgets),
      };
      rendermime.addFactory(factory, RANK);
      hostWizards(panel);
      panel.disposed.connect(() => widgets.dispose());
    };
    notebooks.forEach(add);
    notebooks.widgetAdded.connect((_, panel) => add(panel));
  },
};

export default [monitor, wizard];
