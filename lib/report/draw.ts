/** Draws ECharts options as SVG. */
import { echarts } from './echarts';
import { ink } from './option';

/** Where a drawing goes. */
interface Drawing {
  /** Begins the ids in the SVG, so that several drawings can be in one page. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

/** Returns an option as an `<svg>` element without background, in the colour of the text around it. */
export function drawOption(option: Readonly<Record<string, unknown>>, { id, width, height }: Drawing): string {
  const instance = echarts().init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    instance.setOption(option);
    return (
      instance
        .renderToSVGString()
        .replaceAll(ink, 'currentColor')
        .replace(/<rect [^>]*fill="none"><\/rect>/, '')
        // Styles and attributes that only ECharts' own scripts use.
        .replace(/<style\b[\s\S]*?<\/style>/g, '')
        .replace(/<\w[^>]*>/g, (tag) => tag.replace(/ (class|ecmeta_\w+)="[^"]*"/g, ''))
        // ECharts numbers its ids per process: two charts in one page would clash, and a chart would differ from run to run.
        .replace(/\bzr\d+-/g, `${id}-`)
    );
  } finally {
    instance.dispose();
  }
}
