/** Text in a colour of ours, which is put around it once nothing in it can steer a terminal. */
export interface Coloured {
  readonly text: string;
  readonly paint: (harmless: string) => string;
}
export type Cell = string | Coloured;

/** What steers a terminal, and what turns the direction of text (UAX #9). */
const controls = String.raw`\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
const inNames = new RegExp(String.raw`[\u0000-\u001f${controls}]`, 'g');
/** JSON escapes the others itself. */
const inJson = new RegExp(`[${controls}]`, 'g');

/** Rows under their headings, columns aligned at the left, two spaces between them. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => harmless(line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** What is known of one thing: a name and a value a line. */
export function details(entries: readonly (readonly [name: string, value: Cell])[]): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${pad(value, 0)}\n`).join('');
}

/** Names from a registry end up on a terminal: nothing in them may steer it. */
export function printable(text: string): string {
  return text.replace(inNames, '\ufffd');
}

/** JSON for people and programs; what could steer a terminal is escaped. */
export function jsonText(value: unknown): string {
  const escaped = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value, undefined, 2).replace(inJson, escaped)}\n`;
}

function harmless(cell: Cell): string {
  return printable(typeof cell === 'string' ? cell : cell.text);
}

function pad(cell: Cell, width: number): string {
  const text = harmless(cell);
  const shown = typeof cell === 'string' ? text : cell.paint(text);
  return shown + ' '.repeat(Math.max(0, width - text.length));
}
