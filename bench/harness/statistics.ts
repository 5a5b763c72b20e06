/** The value that a share of all values does not exceed (nearest rank); `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Geometric mean of ratios and the least and greatest of them. */
export function ratios(values: readonly number[], base: readonly number[]): { mean: number; min: number; max: number } {
  const each = values.map((value, i) => value / base[i]!);
  const mean = Math.exp(each.reduce((sum, ratio) => sum + Math.log(ratio), 0) / each.length);
  return { mean, min: Math.min(...each), max: Math.max(...each) };
}

/** Lines up rows in columns; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
    )
    .join('\n');
}
