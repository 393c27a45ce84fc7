import type { Commands } from "../control/commands";
import { h, setAttribute, setText } from "../element";
import { onFrame } from "../frame";
import type { RunStore } from "../store";
import { watchTheme } from "../theme";
import { bars } from "./bars";
import { charts } from "./charts";
import { head } from "./head";
import { live } from "./live";
import { notes } from "./notes";
import { table } from "./table";
import { tiles } from "./tiles";
import { times } from "./times";

/** Shows a run in `root` until the signal: the whole monitor, kept up to date with the store. */
export function showMonitor(root: HTMLElement, store: RunStore, commands: Commands, signal: AbortSignal): void {
  const plots = charts(store, signal);
  const parts = [
    head(store, commands, signal),
    notes(store, commands),
    bars(store),
    times(store),
    tiles(store),
    plots,
    table(store, signal),
  ];
  const speech = live(store);
  const placeholder = h("p", { class: "nbk-placeholder" });
  const node = h(
    "div",
    { class: "nbkeras", role: "group", tabindex: "-1" },
    placeholder,
    ...parts.map((part) => part.node),
    speech.node,
  );
  root.append(node);

  const request = onFrame(node, draw, signal);
  function draw() {
    const { run, problem } = store;
    const shown = run !== null && !problem;
    setAttribute(node, "aria-label", run ? `Monitor of ${run.name}` : "Monitor");
    setText(placeholder, problem || "Waiting for the run…");
    placeholder.hidden = shown;
    node.toggleAttribute("data-empty", !shown);
    if (shown) for (const part of parts) part.update();
  }
  store.subscribe(() => {
    // Whoever only hears the monitor has it out of sight, where nothing is drawn.
    speech.update();
    request();
  }, signal);
  watchTheme(node, () => plots.repaint(), signal);
  signal.addEventListener("abort", () => node.remove());
  speech.update();
  draw();
}
