/** Text, JSON, scripts and tables as HTML. */

/** Escapes text for HTML, inside elements and quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Returns a value as JSON that is safe inside a script element. */
export const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** Returns the source of a script so that it is safe inside a script element. */
export const scriptSource = (source: string): string => source.replaceAll('</script', '<\\/script');

const isNumber = (text: string) => /^(|–|-|N\/A|NaN|[-−]?[\d.,]+(e-?\d+)?( ?(%|±.*))?)$/.test(text.trim());

/**
 * Returns a table in a box that scrolls sideways where the page is narrow; `tabindex` lets the keyboard scroll it. The first
 * cell of a row is the row's header. Columns that hold only numbers are aligned to the right.
 */
export function tableHtml(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  note?: string,
): string {
  const attributes = heads.map((_, column) =>
    rows.length > 0 && rows.every((row) => isNumber(row[column] ?? '')) ? ' class="number"' : '',
  );
  const head = heads.map((text, column) => `<th scope="col"${attributes[column]}>${escapeHtml(text)}</th>`);
  const line = ([name = '', ...cells]: readonly string[]) =>
    `<tr><th scope="row"${attributes[0]}>${escapeHtml(name)}</th>${cells
      .map((text, column) => `<td${attributes[column + 1] ?? ''}>${escapeHtml(text)}</td>`)
      .join('')}</tr>`;
  const label = escapeHtml(caption);
  return `<div class="scroll" role="region" aria-label="${label}" tabindex="0">
<table><caption>${label}</caption><thead><tr>${head.join('')}</tr></thead><tbody>
${rows.map(line).join('\n')}
</tbody></table></div>${note ? `\n<p class="note">${escapeHtml(note)}</p>` : ''}`;
}
