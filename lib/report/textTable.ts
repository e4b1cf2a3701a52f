/** Rows as aligned columns, the header first; numbers, which are written out already, to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const columns = header.map((_, column) => ({
    width: Math.max(...all.map((row) => row[column]?.length ?? 0)),
    isNumber: rows.length > 0 && rows.every((row) => /^(-|[\d.,]+( ?%| ?[A-Za-z/]+)?)$/.test(row[column] ?? '')),
  }));
  const line = (row: readonly string[]) =>
    columns
      .map(({ width, isNumber }, column) => (isNumber ? row[column]?.padStart(width) : row[column]?.padEnd(width)))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}
