/**
 * Formats a number for a figure: four significant digits (six from 1000 on); below 0.001 and from 1e6 on with a power of ten.
 * "–" if it is not finite. A page runs the source text of this function, so it must not use anything defined outside it.
 */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(3).replace(/\.?0*e\+?/, 'e');
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 4)));
}

/** Formats a duration: "38 s", "12 min", "13.4 h". */
export function formatDuration(seconds: number): string {
  if (seconds < 600) return `${seconds.toFixed(0)} s`;
  return seconds < 36_000 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
