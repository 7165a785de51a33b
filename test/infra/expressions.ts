import type { Expression, Template } from './bicep-model.ts';

/** All expressions in one, itself included. */
export function* within(expression: Expression): Generator<Expression> {
  yield expression;
  for (const child of childrenOf(expression)) yield* within(child);
}

export function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'string':
      return expression.parts.filter((part) => typeof part !== 'string');
    case 'object':
      return expression.properties.flatMap(({ key, value }) => [key, value]);
    case 'array':
      return expression.items;
    case 'member':
      return [expression.object];
    case 'index':
      return [expression.object, expression.index];
    case 'call':
      return expression.arguments;
    case 'operation':
      return expression.operands;
    case 'lambda':
      return [expression.body];
    case 'for':
      return [expression.over, expression.body];
    case 'if':
      return [expression.condition, expression.body];
    case 'literal':
    case 'name':
      return [];
  }
}

/** All expressions of a template. */
export function* expressionsOf(template: Template): Generator<Expression> {
  for (const { fallback } of template.parameters)
    if (fallback !== undefined) yield* within(fallback);
  const valued = [
    ...template.variables,
    ...template.resources,
    ...template.modules,
    ...template.outputs,
  ];
  for (const { value } of valued) yield* within(value);
}

/** The object that a resource or module is, whatever condition or loop it stands in. */
export function bodyOf(expression: Expression): Expression {
  return expression.kind === 'for' || expression.kind === 'if'
    ? bodyOf(expression.body)
    : expression;
}

/** What stands at a path of property names, or undefined. */
export function at(expression: Expression, ...path: readonly string[]): Expression | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return expression;
  const body = bodyOf(expression);
  if (body.kind !== 'object') return undefined;
  const property = body.properties.find((each) => each.name === name);
  return property === undefined ? undefined : at(property.value, ...rest);
}

/** Names of the properties of an object. */
export function keysOf(expression: Expression | undefined): string[] {
  return expression?.kind === 'object'
    ? expression.properties.map(({ name }) => name ?? '(computed)')
    : [];
}

/** The expression as Bicep again, without its white space, to compare and to show. */
export function show(expression: Expression | undefined): string {
  if (expression === undefined) return '';
  switch (expression.kind) {
    case 'string': {
      const parts = expression.parts.map((part) =>
        typeof part === 'string' ? part : `\${${show(part)}}`,
      );
      return `'${parts.join('')}'`;
    }
    case 'literal':
      return String(expression.value);
    case 'object':
      return `{${expression.properties.map(({ name, value }) => `${name}: ${show(value)}`).join(', ')}}`;
    case 'array':
      return `[${expression.items.map(show).join(', ')}]`;
    case 'name':
      return expression.name;
    case 'member':
      return `${show(expression.object)}.${expression.property}`;
    case 'index':
      return `${show(expression.object)}[${show(expression.index)}]`;
    case 'call':
      return `${expression.name}(${expression.arguments.map(show).join(', ')})`;
    case 'operation': {
      const [only, ...others] = expression.operands;
      return others.length === 0
        ? `${expression.operator.replace('(', '')}${show(only)}`
        : expression.operands.map(show).join(` ${expression.operator} `);
    }
    case 'lambda':
      return `(${expression.parameters.join(', ')}) => ${show(expression.body)}`;
    case 'for':
      return `for ${expression.variables.join(', ')} in ${show(expression.over)}: ${show(expression.body)}`;
    case 'if':
      return `if (${show(expression.condition)}) ${show(expression.body)}`;
  }
}

/** Strings of an array of plain strings, given as it is or as the name of a variable. */
export function stringsOf(template: Template, expression: Expression | undefined): string[] {
  if (expression?.kind === 'name') {
    return stringsOf(template, variable(template, expression.name));
  }
  if (expression?.kind !== 'array') throw new Error(`${show(expression)} is not an array`);
  return expression.items.map((item) => plain(template, item));
}

/** A plain string, given as it is or as the name of a variable. */
export function plain(template: Template, expression: Expression | undefined): string {
  if (expression?.kind === 'name') return plain(template, variable(template, expression.name));
  if (expression?.kind === 'string' && expression.parts.every((part) => typeof part === 'string')) {
    return expression.parts.join('');
  }
  throw new Error(`${show(expression)} is not a plain string`);
}

function variable(template: Template, name: string): Expression {
  const found = template.variables.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${template.path} has no variable ${name}`);
  return found.value;
}
