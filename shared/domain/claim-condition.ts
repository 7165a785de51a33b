import { isObject, type JsonObject } from './json.ts';

/**
 * Whether the claims are as the conditions say, each of them. A condition is a text in which `*`
 * stands for any characters, or several of which one must fit; a claim that is a list fits when one
 * of its elements does; booleans and numbers are compared as JSON writes them. A claim that is not
 * there, is null or an object fits nothing.
 */
export function claimsFit(
  claims: JsonObject,
  conditions: Readonly<Record<string, string | readonly string[]>>,
): boolean {
  return Object.entries(conditions).every(([name, condition]) => {
    const patterns = typeof condition === 'string' ? [condition] : condition;
    const texts = textsOf(claimAt(claims, name));
    return texts.some((text) => patterns.some((pattern) => fitsPattern(text, pattern)));
  });
}

/** The claim of that name or, when it begins with a slash, at that JSON pointer (RFC 6901). */
function claimAt(claims: JsonObject, name: string): unknown {
  if (!name.startsWith('/')) return memberOf(claims, name);
  const steps = name.slice(1).split('/');
  return steps
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(memberOf, claims);
}

function memberOf(value: unknown, name: string): unknown {
  if (Array.isArray(value))
    return /^(?:0|[1-9]\d{0,5})$/.test(name) ? value[Number(name)] : undefined;
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function textsOf(claim: unknown): string[] {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.flatMap((value) => {
    if (typeof value === 'string') return [value];
    return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : [];
  });
}

/** Takes time in proportion to both lengths at most, however many stars there are. */
export function fitsPattern(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
