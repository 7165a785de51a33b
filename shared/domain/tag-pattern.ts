/**
 * A regular expression that a whole tag must match, checked to be harmless: of a tag of 128
 * characters at most some ten million ways to match are tried, within a second.
 */
export type TagPattern = string & { readonly __brand: 'TagPattern' };

const maxPatternChars = 200;
const maxUnboundedQuantifiers = 3;
const maxTagChars = 128;
const maxWays = 16 * (maxTagChars + 1) ** maxUnboundedQuantifiers;

/**
 * Accepts JavaScript's regular expressions without what can make matching slow: references back,
 * looking around, more than three of `*`, `+`, `{n,}`, any of those on a group, and so many of
 * `?`, `{n,m}` and `|` that the ways to match multiply. Undefined for all else.
 */
export function parseTagPattern(text: string): TagPattern | undefined {
  if (text.length > maxPatternChars || !isRegExp(text)) return undefined;
  const plain = text.replace(/\\[^1-9k]/g, '_').replace(/\[[^\]]*\]/g, '_');
  if (/\\[1-9k]|\(\?(?!:)/.test(plain)) return undefined;
  if (/\)(?:[*+]|\{\d+(?:,\d*)?\})/.test(plain)) return undefined;
  const unbounded = plain.match(/[*+]|\{\d+,\}/g) ?? [];
  const isQuick = unbounded.length <= maxUnboundedQuantifiers && waysToMatch(plain) <= maxWays;
  return isQuick ? (text as TagPattern) : undefined;
}

/** An upper bound: each quantifier and each choice multiplies what is tried. */
function waysToMatch(plain: string): number {
  const withoutMarks = plain.replaceAll('(?:', '(').replace(/([*+?}])\?/g, '$1');
  let ways = 1;
  for (const [quantifier, least, most] of withoutMarks.matchAll(/[*+?]|\{(\d+)(?:,(\d*))?\}/g)) {
    if (quantifier === '?') ways *= 2;
    else if (most === undefined && least !== undefined) continue;
    else ways *= Number(most || maxTagChars) - Number(least ?? 0) + 1;
  }
  const alternatives = [1];
  for (const character of withoutMarks.replace(/[^(|)]/g, '')) {
    if (character === '(') alternatives.push(1);
    else if (character === '|') alternatives.push((alternatives.pop() ?? 0) + 1);
    else ways *= alternatives.pop() ?? 1;
  }
  return ways * (alternatives.pop() ?? 1);
}

/** Whether the whole tag matches. */
export function matchesTagPattern(pattern: TagPattern, tag: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(tag);
}

function isRegExp(text: string): boolean {
  try {
    return new RegExp(`^(?:${text})$`).source.length > 0;
  } catch {
    return false;
  }
}
