/** The monitor as a notebook widget (anywidget): one store for each model, shared by all its views. */

import chart from "../style/chart.css";
import monitor from "../style/monitor.css";
import theme from "../style/theme.css";
import { Commands } from "./control/commands";
import { RunStore } from "./store";
import { kernelOf, listenToWidget, type WidgetModel } from "./transports/widget";
import { showMonitor } from "./views/monitor";

interface Context {
  model: WidgetModel;
}

export default () => {
  const store = new RunStore();
  const life = new AbortController();
  let commands: Commands;
  return {
    initialize({ model }: Context) {
      commands = new Commands(store, () => kernelOf(model), life.signal);
      listenToWidget(model, store, life.signal);
      return () => life.abort();
    },
    render({ el }: Context & { el: HTMLElement }) {
      const view = new AbortController();
      const style = document.createElement("style");
      style.textContent = theme + monitor + chart;
      el.append(style);
      showMonitor(el, store, commands, view.signal);
      return () => view.abort();
    },
  };
};
