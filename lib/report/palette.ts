/**
 * Colours and marks of series. Lines must be visible on white and on black, which leaves a narrow range of lightness: too
 * narrow for many colours that colour-blind readers can tell apart. So series have different marks as well.
 */

/**
 * Six colours, each with a contrast of at least 3 with the white and the dark page (WCAG 2.2, 1.4.11). Of all such sets, this
 * one has the greatest minimum distance between two colours (OKLab; normal sight and three dichromacies, simulated as Machado
 * 2009).
 */
export const colours = ['#5a4bff', '#f05a00', '#1ea578', '#b41ea5', '#875a5a', '#9687d2'] as const;

/** SVG paths of about 20 by 20 around 0. Seven marks with six colours give 42 different pairs. */
const marks = [
  'M-9 0A9 9 0 1 0 9 0A9 9 0 1 0-9 0Z',
  'M-8-8H8V8H-8Z',
  'M-9 8L0-9L9 8Z',
  'M-9 0L0-9L9 0L0 9Z',
  'M0-10L2.9-4L9.5-3.1L4.8 1.6L5.9 8.1L0 5L-5.9 8.1L-4.8 1.6L-9.5-3.1L-2.9-4Z',
  'M-9-8L9-8L0 9Z',
  'M-9-5L-5-9L0-4L5-9L9-5L4 0L9 5L5 9L0 4L-5 9L-9 5L-4 0Z',
] as const;

/** Returns the colour, and the mark as SVG path data, at an index of the palette. Every index from 0 on is valid. */
export const look = (index: number): { readonly colour: string; readonly mark: string } => ({
  colour: colours[index % colours.length]!,
  mark: marks[index % marks.length]!,
});

/** Background and text colours of the light and the dark scheme. */
export const schemes = {
  light: { ink: '#22262b', paper: '#ffffff' },
  dark: { ink: '#dde1e6', paper: '#14171b' },
} as const;
