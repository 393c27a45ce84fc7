/** Numbers as people read them; every text here keeps its width while the value moves within its magnitude. */

const UNKNOWN = "–";

/** A metric's value with four significant digits. */
export function value(x: number | undefined): string {
  if (x === undefined) return UNKNOWN;
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size < 1e-3 || size >= 1e5 ? x.toExponential(2).replace("e+", "e") : fixed(x, size);
  return text.replace("-", "−").replace("e-", "e−");
}

function fixed(x: number, size: number): string {
  const digits = size < 1 ? 4 : Math.max(0, 3 - Math.floor(Math.log10(size)));
  return x.toFixed(digits);
}

/** A learning rate as it would be typed. */
export function rate(x: number): string {
  return Number.isFinite(x) ? String(Number(x.toPrecision(4))) : "";
}

/** A whole number with thin spaces between thousands. */
export function count(x: number): string {
  return Number.isFinite(x)
    ? Math.round(x)
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, "\u202f")
    : UNKNOWN;
}

/** The number of an epoch or a step where there is little room. */
export function place(x: number): string {
  return x < 1e5 ? count(x) : tick(x);
}

/** Something a second: one decimal below ten. */
export function perSecond(x: number): string {
  return Number.isFinite(x) && x < 10 ? x.toFixed(1) : count(x);
}

/** Seconds as m:ss, h:mm:ss, or days. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  const [d, h, m, s] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  if (d) return `${d} d ${two(h)}:${two(m)}`;
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Bytes in megabytes below one gigabyte. */
export function bytes(x: number): string {
  if (!Number.isFinite(x)) return UNKNOWN;
  return x < 1e9 ? `${Math.round(x / 1e6)} MB` : `${(x / 1e9).toFixed(x < 1e11 ? 1 : 0)} GB`;
}

/** A tick of a chart's axis: short, whatever the magnitude. */
export function tick(x: number): string {
  const size = Math.abs(x);
  if (size >= 1e9) return x.toExponential(0).replace("e+", "e");
  if (size >= 1e6) return `${trim(x / 1e6)}M`;
  if (size >= 1e4) return `${trim(x / 1e3)}k`;
  return size !== 0 && size < 1e-3 ? x.toExponential(0).replace("e-", "e−") : trim(x).replace("-", "−");
}

function trim(x: number): string {
  return String(Number(x.toPrecision(4)));
}
