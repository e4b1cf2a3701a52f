/** The charting library ECharts: one file, used to draw charts here and copied into the scripts of a page. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { SaturnnError } from '../errors';

/** The only file of the package that is used, and that the offline bundle keeps (scripts/bundle-npm.mjs). */
export const file = 'echarts/dist/echarts.common.min.js';

/** An upper estimate of the width of a line of text, in pixels. No font can be measured here; common fonts are narrower. */
export const textWidth = (text: string, fontSize: number): number => 0.62 * fontSize * text.length;

let loaded: typeof import('echarts') | undefined;

/**
 * Loads ECharts at the first call: it costs a tenth of a second and much memory, which only a report needs.
 * @throws ERR_PACKAGE if it is not there, as in a bundle without node_modules
 */
export function echarts(): typeof import('echarts') {
  if (!loaded) {
    try {
      // A literal, so that bundlers and programs that collect files see which one is needed.
      loaded = require('echarts/dist/echarts.common.min.js') as typeof import('echarts');
    } catch (error) {
      throw notFound(error);
    }
    const size = (font?: string) => Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12);
    loaded.setPlatformAPI({ measureText: (text, font) => ({ width: textWidth(text, size(font)) }) });
  }
  return loaded;
}

/**
 * Returns the text of the ECharts file, which begins with its licence.
 * @throws ERR_PACKAGE if the file is not there, as in a bundle without node_modules
 */
export function echartsSource(): string {
  try {
    return readFileSync(createRequire(thisFile()).resolve(file), 'utf8');
  } catch (error) {
    throw notFound(error);
  }
}

/** Path of this file. A bundler would replace require.resolve(), and cannot say where the file is in any case. */
const thisFile = (): string => (typeof __filename === 'string' ? __filename : join(process.cwd(), 'program'));

const notFound = (cause: unknown): SaturnnError =>
  new SaturnnError(
    'ERR_PACKAGE',
    `A report needs the file ${file}, which was not found from ${thisFile()}. Remedy: \`npm install echarts\` where the program runs. ` +
      'If the program was bundled, leave saturnn external, or install echarts beside it.',
    { cause },
  );
