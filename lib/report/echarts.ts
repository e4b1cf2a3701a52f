/** The charting library ECharts: one file, used to draw charts here and copied into the scripts of a page. */
import { readFileSync } from 'node:fs';

/** The only file of the package that is used, and that the offline bundle keeps (scripts/bundle-npm.mjs). */
export const file = 'echarts/dist/echarts.common.min.js';

/** An upper estimate of the width of a line of text, in pixels. No font can be measured here; common fonts are narrower. */
export const textWidth = (text: string, fontSize: number): number => 0.62 * fontSize * text.length;

let loaded: typeof import('echarts') | undefined;

/** Loads ECharts at the first call: it costs a tenth of a second and much memory, which only a report needs. */
export function echarts(): typeof import('echarts') {
  if (!loaded) {
    loaded = require(file) as typeof import('echarts');
    const size = (font?: string) => Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12);
    loaded.setPlatformAPI({ measureText: (text, font) => ({ width: textWidth(text, size(font)) }) });
  }
  return loaded;
}

/** Text of the ECharts file, which begins with its licence. */
export const echartsSource = (): string => readFileSync(require.resolve(file), 'utf8');
