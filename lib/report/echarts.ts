/** The charting library: one file, for drawing here and for the scripts of a page. */
import { readFileSync } from 'node:fs';

/** What the offline bundle keeps of it (scripts/bundle-npm.mjs). */
export const file = 'echarts/dist/echarts.common.min.js';

/** Pixels that a line of text may take: there is no font here to measure. Common fonts are narrower. */
export const textWidth = (text: string, fontSize: number): number => 0.62 * fontSize * text.length;

let loaded: typeof import('echarts') | undefined;

/** Loaded late: a tenth of a second and much memory that nobody needs before the end of a run. */
export function echarts(): typeof import('echarts') {
  if (!loaded) {
    loaded = require(file) as typeof import('echarts');
    const size = (font?: string) => Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12);
    loaded.setPlatformAPI({ measureText: (text, font) => ({ width: textWidth(text, size(font)) }) });
  }
  return loaded;
}

/** Its text, with its licence at the beginning. */
export const echartsSource = (): string => readFileSync(require.resolve(file), 'utf8');
