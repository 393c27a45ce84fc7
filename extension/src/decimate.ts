/**
 * Thins a series to at most `limit` points, in place: of each bucket the lowest, the highest and the first non-finite value
 * stay, so that peaks and NaNs remain visible; the first and the last point always stay.
 */
export function decimate(x: number[], y: number[], limit: number): void {
  const last = x.length - 1;
  if (x.length <= limit) return;
  const buckets = Math.floor((limit - 2) / 3);
  const keep = new Set([0, last]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const start = 1 + Math.floor(((last - 1) * bucket) / buckets);
    const end = 1 + Math.floor(((last - 1) * (bucket + 1)) / buckets);
    for (const index of extremes(y, start, end)) keep.add(index);
  }
  let kept = 0;
  for (let i = 0; i <= last; i++) {
    if (!keep.has(i)) continue;
    x[kept] = x[i] as number;
    y[kept] = y[i] as number;
    kept++;
  }
  x.length = kept;
  y.length = kept;
}

function extremes(y: number[], start: number, end: number): number[] {
  let low = -1;
  let high = -1;
  let odd = -1;
  for (let i = start; i < end; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) {
      if (odd < 0) odd = i;
    } else {
      if (low < 0 || value < (y[low] as number)) low = i;
      if (high < 0 || value > (y[high] as number)) high = i;
    }
  }
  return [low, high, odd].filter((index) => index >= 0);
}
