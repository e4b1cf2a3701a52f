/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Functions that inspect an open report. They are sent into the page, so they must not use names from outside themselves. */

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** Names beside the check boxes that show and hide series. */
  readonly legend: readonly string[];
  /** Number of curves that are drawn inside the figure; a constant curve has no height. */
  readonly curves: number;
  readonly visible: boolean;
  /** Texts in the drawing: ticks, labels and, if no scripts run, the legend. */
  readonly texts: readonly string[];
}

export function figuresInPage(): Figure[] {
  const area = ({ width, height }: DOMRect) => width * height;
  return [...document.querySelectorAll('figure')].map((figure) => {
    const section = figure.closest('section')!;
    const drawing = figure.querySelector('.plot svg')!;
    const frame = drawing.getBoundingClientRect();
    const isDrawn = (path: Element) => {
      const box = path.getBoundingClientRect();
      const inside = box.left >= frame.left && box.right <= frame.right && box.top >= frame.top;
      return inside && box.bottom <= frame.bottom && box.width > 0;
    };
    // Only the lines of series are coloured and two pixels wide.
    const lines = [...drawing.querySelectorAll('path[stroke-width="2"][fill="none"]')];
    const coloured = lines.filter((path) => /^(#|rgb)/.test(path.getAttribute('stroke') ?? ''));
    const keys = [...figure.querySelectorAll('fieldset label')].filter(
      (label) => area(label.getBoundingClientRect()) > 0,
    );
    return {
      id: section.id,
      title: section.querySelector('h2')?.textContent ?? '',
      legend: keys.map((label) => label.textContent ?? ''),
      curves: coloured.filter(isDrawn).length,
      visible: area(frame) > 0 && getComputedStyle(drawing).visibility === 'visible',
      texts: [...drawing.querySelectorAll('text')].map((text) => text.textContent ?? ''),
    };
  });
}

/** Returns texts whose contrast with their background is below 4.5 (WCAG 2.2, 1.4.3), with that contrast. */
export function faintTexts(): string[] {
  const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element: Element | null): string => {
    if (!element)
      return getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'rgb(0,0,0)' : 'rgb(255,255,255)';
    const { backgroundColor } = getComputedStyle(element);
    const [, , , alpha = 1] = channels(backgroundColor);
    return alpha === 0 ? background(element.parentElement) : backgroundColor;
  };
  const faint: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent?.trim();
    const element = walker.currentNode.parentElement ?? (walker.currentNode.parentNode as Element);
    if (!text || element.closest('script, style, [hidden]')) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [luminance(ink), luminance(background(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (!(contrast >= 4.5)) faint.push(`"${text.slice(0, 40)}": ${contrast.toFixed(2)} (${ink})`);
  }
  return faint;
}

/** Returns how much wider than the window the page is, as one text; an empty list if it does not scroll sideways. */
export function overflowing(): string[] {
  const page = document.documentElement;
  return page.scrollWidth > page.clientWidth ? [`${page.scrollWidth} pixels in ${page.clientWidth}`] : [];
}

/** Returns all elements that the keyboard should reach, in the order of the page, by the names that `recordFocus` gives. */
export function controls(): string[] {
  const all = document.querySelectorAll<HTMLElement>('a[href], button, input, summary, [tabindex="0"]');
  return [...all]
    .filter((element) => element.closest('[hidden]') === null && element.getClientRects().length > 0)
    .map((element) => {
      const name = element.ariaLabel ?? (element.getAttribute('value') || element.textContent);
      return `${element.closest('section')?.id ?? ''} ${element.localName} ${name}`;
    });
}

/** From now on, appends the name of each element that receives the focus to the global `focusOrder`. */
export function recordFocus(): void {
  const order: string[] = [];
  Object.assign(globalThis, { focusOrder: order });
  document.addEventListener('focusin', ({ target }) => {
    const element = target as HTMLElement;
    const name = element.ariaLabel ?? (element.getAttribute('value') || element.textContent);
    order.push(`${element.closest('section')?.id ?? ''} ${element.localName} ${name}`);
  });
}
