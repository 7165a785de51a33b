/**
 * Route templates as ASP.NET Core's legacy router reads them, which is what the Functions host
 * uses: literals, `{name}`, `{name?}`, `{*rest}`, each parameter optionally with `:regex(...)`.
 * Other constraints, defaults and several parts in one segment are refused, not ignored.
 * Source: dotnet/aspnetcore, Routing/src/Patterns/RoutePatternMatcher.cs.
 */
export type RouteTemplate = readonly Segment[];

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'parameter';
      readonly name: string;
      readonly presence: 'required' | 'optional' | 'catch-all';
      readonly constraint: RegExp | undefined;
    };

export class RouteTemplateError extends Error {
  override readonly name = 'RouteTemplateError';
}

export function parseRouteTemplate(template: string): RouteTemplate {
  const segments = splitSegments(template).map((segment) => parseSegment(segment, template));
  const catchAll = segments.findIndex((each) => isCatchAll(each));
  if (catchAll !== -1 && catchAll !== segments.length - 1) {
    throw new RouteTemplateError(`A catch-all must come last in route "${template}".`);
  }
  return segments;
}

function isCatchAll(segment: Segment): boolean {
  return segment.kind === 'parameter' && segment.presence === 'catch-all';
}

/** Splits at the slashes outside braces. Doubled braces are text, not delimiters. */
function splitSegments(template: string): string[] {
  const segments: string[] = [];
  let start = 0;
  let inParameter = false;
  for (let at = 0; at < template.length; at++) {
    const character = template[at];
    const doubled = character === template[at + 1];
    if ((character === '{' || character === '}') && doubled) at++;
    else if (character === '{') inParameter = true;
    else if (character === '}') inParameter = false;
    else if (character === '/' && !inParameter) {
      segments.push(template.slice(start, at));
      start = at + 1;
    }
  }
  segments.push(template.slice(start));
  if (inParameter) throw new RouteTemplateError(`Unclosed "{" in route "${template}".`);
  return segments.filter((segment) => segment !== '');
}

function parseSegment(segment: string, template: string): Segment {
  if (!/[{}]/.test(segment)) return { kind: 'literal', text: segment };
  const parts = /^\{(\*{0,2})(\w+)(?::regex\((.*)\))?(\??)\}$/s.exec(segment);
  if (parts === null) {
    throw new RouteTemplateError(`Unsupported segment "${segment}" in route "${template}".`);
  }
  const [, stars = '', name = '', pattern, optional] = parts;
  return {
    kind: 'parameter',
    name,
    presence: stars !== '' ? 'catch-all' : optional === '?' ? 'optional' : 'required',
    constraint: pattern === undefined ? undefined : compile(pattern, template),
  };
}

function compile(pattern: string, template: string): RegExp {
  const unescaped = pattern.replaceAll('{{', '{').replaceAll('}}', '}');
  try {
    return new RegExp(unescaped, 'i');
  } catch (cause) {
    throw new RouteTemplateError(`Bad regex in route "${template}".`, { cause });
  }
}

/**
 * The parameters of a decoded path that begins with `/`, or undefined when the path does not match.
 * A parameter without a value is absent. A catch-all takes the rest as it is, with a trailing
 * slash.
 */
export function matchRouteTemplate(
  template: RouteTemplate,
  path: string,
): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  let offset = 1;
  for (const segment of template) {
    const rest = path.slice(offset);
    // A slash where a segment should begin is an empty segment, which never matches.
    if (rest.startsWith('/')) return undefined;
    const end = rest.indexOf('/');
    const text = end === -1 ? rest : rest.slice(0, end);
    const consumed = segment.kind === 'parameter' && segment.presence === 'catch-all' ? rest : text;
    if (!matchSegment(segment, consumed, parameters)) return undefined;
    offset += consumed.length + 1;
  }
  return offset >= path.length ? parameters : undefined;
}

function matchSegment(segment: Segment, text: string, parameters: Record<string, string>): boolean {
  if (segment.kind === 'literal') return segment.text.toUpperCase() === text.toUpperCase();
  if (text === '') return segment.presence !== 'required' && segment.constraint === undefined;
  if (segment.constraint !== undefined && !segment.constraint.test(text)) return false;
  parameters[segment.name] = text;
  return true;
}
