import { type Line, type LineName, lines, type Side } from './lines.ts';
import { median } from './storage-ceiling.ts';

/** Rates by line and side, one for each run. */
export class Results {
  readonly #rates = new Map<string, number[]>();

  add(line: LineName, side: Side, rate: number): void {
    const key = `${line} ${side}`;
    this.#rates.set(key, [...(this.#rates.get(key) ?? []), rate]);
  }

  rates(line: LineName, side: Side): readonly number[] {
    return this.#rates.get(`${line} ${side}`) ?? [];
  }
}

/** Markdown, a row for each line that was measured, medians with all their values. */
export function comparisonTable(results: Results): string {
  const rows = entries(lines)
    .filter(([name]) => results.rates(name, 'lighter').length > 0)
    .map(([name, line]) => comparisonRow(results, name, line));
  return markdown(
    ['', 'peer', 'Lighter', 'of peer', 'aim', 'storage itself', 'of storage', 'aim'],
    rows,
  );
}

function comparisonRow(results: Results, name: LineName, line: Line): string[] {
  const cell = (side: Side) => {
    const rates = results.rates(name, side);
    return rates.length === 0
      ? ''
      : `${rate(median(rates))}${line.unit} (${rates.map(rate).join(' ')})`;
  };
  const ratio = (side: Side, digits: number) => {
    const rates = results.rates(name, side);
    if (rates.length === 0) return '';
    return (median(results.rates(name, 'lighter')) / median(rates)).toFixed(digits);
  };
  return [
    line.text,
    cell('peer'),
    cell('lighter'),
    ratio('peer', 1),
    String(line.aimOfPeer ?? ''),
    cell('storage'),
    ratio('storage', 2),
    String(line.aimOfStorage ?? ''),
  ];
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const write = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [write(head), rule, ...rows.map(write)].join('\n');
}

function rate(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/**
 * What each line and side that ought to have numbers gave: for a run that only asks whether it
 * works.
 */
export function checkNumbers(
  results: Results,
  rounds: number,
): { passed: number; failures: string[] } {
  const checks = entries(lines).flatMap(([name, line]: [LineName, Line]) => {
    const sides: Side[] = ['peer', 'lighter'];
    if (line.aimOfStorage !== undefined) sides.push('storage');
    return sides.map((side) => {
      const rates = results.rates(name, side);
      const good = rates.length >= rounds && rates.every((each) => each > 0 && each < Infinity);
      return { good, text: `${line.text}, ${side}: ${rates.join(' ') || 'no number'}` };
    });
  });
  const failures = checks.filter(({ good }) => !good).map(({ text }) => text);
  return { passed: checks.length - failures.length, failures };
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
