/**
 * A regular expression that a whole tag must match, checked to be harmless: its time grows with at
 * most the cube of a tag's length, 128.
 */
export type TagPattern = string & { readonly __brand: 'TagPattern' };

const maxPatternChars = 200;
const maxUnboundedQuantifiers = 3;

/**
 * Accepts JavaScript's regular expressions without what can make matching slow: references back,
 * looking around, more than three of `*`, `+`, `{n,}`, and any of those on a group. Undefined for
 * all else.
 */
export function parseTagPattern(text: string): TagPattern | undefined {
  if (text.length > maxPatternChars || !isRegExp(text)) return undefined;
  const plain = text.replace(/\\[^1-9k]/g, '_').replace(/\[[^\]]*\]/g, '_');
  if (/\\[1-9k]|\(\?(?!:)/.test(plain)) return undefined;
  if (/\)(?:[*+]|\{\d+(?:,\d*)?\})/.test(plain)) return undefined;
  const unbounded = plain.match(/[*+]|\{\d+,\}/g) ?? [];
  return unbounded.length <= maxUnboundedQuantifiers ? (text as TagPattern) : undefined;
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
