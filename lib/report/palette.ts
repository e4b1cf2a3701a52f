/**
 * What tells series apart. Lines must be seen on white and on black, which leaves a narrow range of lightness: too narrow for
 * more than a few hues that readers who see colours differently could name. So every colour has marks of its own as well.
 */

/**
 * Contrast of at least 3 with white and with the dark page (WCAG 2.2, 1.4.11); among such sets of six, one whose least distance
 * (OKLab, over normal sight and the three dichromacies as Machado 2009 simulates them) is greatest.
 */
export const colours = ['#5a4bff', '#f05a00', '#1ea578', '#b41ea5', '#875a5a', '#9687d2'] as const;

/** Outlines of about 20 by 20 around 0. One more than colours: 42 series have a pair of their own each. */
const marks = [
  'M-9 0A9 9 0 1 0 9 0A9 9 0 1 0-9 0Z',
  'M-8-8H8V8H-8Z',
  'M-9 8L0-9L9 8Z',
  'M-9 0L0-9L9 0L0 9Z',
  'M0-10L2.9-4L9.5-3.1L4.8 1.6L5.9 8.1L0 5L-5.9 8.1L-4.8 1.6L-9.5-3.1L-2.9-4Z',
  'M-9-8L9-8L0 9Z',
  'M-9-5L-5-9L0-4L5-9L9-5L4 0L9 5L5 9L0 4L-5 9L-9 5L-4 0Z',
] as const;

/** Colour, and mark as the data of a path, of the place `index` in the palette. */
export const look = (index: number): { readonly colour: string; readonly mark: string } => ({
  colour: colours[index % colours.length]!,
  mark: marks[index % marks.length]!,
});

/** White and black pages, and the ink on them. */
export const schemes = {
  light: { ink: '#22262b', paper: '#ffffff' },
  dark: { ink: '#dde1e6', paper: '#14171b' },
} as const;
