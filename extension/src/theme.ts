/** Light or dark, read off the page as it is, whichever front end set it. */

const MARKS = [
  "class",
  "style",
  "theme",
  "data-theme",
  "data-jp-theme-light",
  "data-jp-theme-name",
  "data-vscode-theme-kind",
];

/** Keeps `data-theme` of the node right, and calls back whenever colours may have changed. */
export function watchTheme(node: HTMLElement, onChange: () => void, signal: AbortSignal): void {
  const check = () => {
    node.dataset.theme = isDark(getComputedStyle(node).backgroundColor) ? "dark" : "light";
    onChange();
  };
  const observer = new MutationObserver(check);
  for (const target of [document.documentElement, document.body]) {
    observer.observe(target, { attributes: true, attributeFilter: MARKS });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", check, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  // The node may not be in the page yet, and then has no colours.
  requestAnimationFrame(check);
  check();
}

function isDark(color: string): boolean {
  const [r = 255, g = 255, b = 255] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}

export interface ChartColors {
  text: string;
  grid: string;
  font: string;
  series: string[];
}

/** The colours of a chart, from the style of its frame, for the canvas that knows no style sheets. */
export function chartColors(frame: Element): ChartColors {
  const style = getComputedStyle(frame);
  const series = [1, 2, 3, 4, 5, 6].map((i) => style.getPropertyValue(`--nbk-series-${i}`).trim());
  return { text: style.color, grid: style.borderTopColor, font: `11px ${style.fontFamily}`, series };
}
