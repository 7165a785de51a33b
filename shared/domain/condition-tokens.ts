import { ConditionError } from './condition.ts';

export type TokenKind =
  '(' | ')' | '{' | '}' | ',' | 'and' | 'or' | 'not' | 'string' | 'attribute' | 'word' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** A string's without its quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

// A string with a backslash is refused: how Azure reads one is not known for every operator, and
// the name of a repository never needs it.
const tokenPattern =
  /\s*(?:(?<sign>[(){},]|&&|\|\||!)|'(?<string>[^'\\\r\n]*)'|(?<attribute>@[A-Za-z]+\[(?:[^[\]'"]|\[[^[\]'"]*\])+\])|(?<word>[A-Za-z0-9_][A-Za-z0-9_.:+-]*))/y;

const signs: Readonly<Record<string, TokenKind>> = { '&&': 'and', '||': 'or', '!': 'not' };
const keywords: Readonly<Record<string, TokenKind>> = { and: 'and', or: 'or', not: 'not' };
const punctuation: readonly TokenKind[] = ['(', ')', '{', '}', ','];

/** Cuts a condition into tokens, the last of kind `end`. Throws ConditionError. */
export function tokenize(text: string): Token[] {
  const source = text.trimEnd();
  const tokens: Token[] = [];
  let position = 0;
  while (position < source.length) {
    tokenPattern.lastIndex = position;
    const match = tokenPattern.exec(source);
    if (match === null) {
      const rest = source.slice(position).trimStart().slice(0, 20);
      throw new ConditionError(`cannot be read from "${rest}" on`);
    }
    const end = tokenPattern.lastIndex;
    tokens.push(tokenOf(match, end));
    position = end;
  }
  return [...tokens, { kind: 'end', text: '', start: position, end: position }];
}

function tokenOf(match: RegExpExecArray, end: number): Token {
  const { sign, string, attribute, word } = match.groups ?? {};
  const written = match[0].trimStart();
  const start = end - written.length;
  if (string !== undefined) return { kind: 'string', text: string, start, end };
  if (attribute !== undefined) return { kind: 'attribute', text: attribute, start, end };
  const kind =
    sign === undefined
      ? keywords[word?.toLowerCase() ?? '']
      : (signs[sign] ?? punctuation.find((each) => each === sign));
  return { kind: kind ?? 'word', text: written, start, end };
}
