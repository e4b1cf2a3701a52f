/**
 * A number as readers of a figure want it: four digits, a power of ten where zeros would have to be counted.
 * The page runs this function's own source, so it may use nothing from outside itself.
 */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(3).replace(/\.?0*e\+?/, 'e');
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 4)));
}
