import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Language, type Node, Parser } from 'web-tree-sitter';

import type {
  Declaration,
  Decorator,
  Expression,
  Import,
  Module,
  Output,
  Parameter,
  Property,
  Resource,
  Template,
  TypedDeclaration,
  Valued,
} from './bicep-model.ts';

const packages = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser().setLanguage(
  await Language.load(readFileSync(packages.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm'))),
);

/** Reads Bicep. Constructs that no template here uses throw, so that none goes unchecked. */
export function parseBicep(path: string, text: string): Template {
  const tree = parser.parse(text);
  if (tree === null) throw new Error(`${path}: not parsed`);
  const root = tree.rootNode;
  const template = {
    path,
    text,
    hasErrors: root.hasError,
    targetScope: 'resourceGroup',
    imports: [] as Import[],
    parameters: [] as Parameter[],
    variables: [] as Valued[],
    types: [] as TypedDeclaration[],
    resources: [] as Resource[],
    modules: [] as Module[],
    outputs: [] as Output[],
  };
  if (root.hasError) return template;
  let decorators: readonly Decorator[] = [];
  for (const node of namedOf(root)) {
    const children = namedOf(node);
    const [first, second, third] = children;
    const declared = { name: first?.text ?? '', decorators };
    if (node.type === 'decorators') {
      decorators = decoratorsOf(node);
      continue;
    }
    decorators = [];
    switch (node.type) {
      case 'target_scope_assignment':
        template.targetScope = literalText(first);
        break;
      case 'metadata_declaration':
        break;
      case 'import_functionality': {
        const names = children.slice(0, -1).map((child) => child.text);
        template.imports.push({ from: literalText(children.at(-1)), names });
        break;
      }
      case 'parameter_declaration': {
        const fallback = third === undefined ? undefined : expressionOf(third);
        template.parameters.push({ ...declared, ...typeOf(second), fallback });
        break;
      }
      case 'variable_declaration':
        template.variables.push({ ...declared, value: expressionOf(second) });
        break;
      case 'type_declaration':
        template.types.push({ ...declared, ...typeOf(second) });
        break;
      case 'resource_declaration': {
        const [type = '', apiVersion = ''] = literalText(second).split('@');
        const existing = node.children.some((child) => child?.text === 'existing');
        const value = expressionOf(third);
        template.resources.push({ ...declared, type, apiVersion, existing, value });
        break;
      }
      case 'module_declaration':
        template.modules.push({
          ...declared,
          source: literalText(second),
          value: expressionOf(third),
        });
        break;
      case 'output_declaration':
        template.outputs.push({ ...declared, ...typeOf(second), value: expressionOf(third) });
        break;
      default:
        throw new Error(`${path}: ${node.type} is not known to the checks`);
    }
  }
  return template;
}

function namedOf(node: Node): Node[] {
  return node.namedChildren.filter(
    (child): child is Node =>
      child !== null && child.type !== 'comment' && child.type !== 'diagnostic_comment',
  );
}

function decoratorsOf(node: Node): Decorator[] {
  return namedOf(node).map((decorator) => {
    const call = expressionOf(namedOf(decorator)[0]);
    if (call.kind !== 'call') throw new Error(`${decorator.text} is not a decorator`);
    return { name: call.name, arguments: call.arguments };
  });
}

function typeOf(node: Node | undefined): Omit<TypedDeclaration, keyof Declaration> {
  if (node === undefined) throw new Error('a type is missing');
  if (node.type !== 'object') {
    const names = node.descendantsOfType('identifier').map((each) => each?.text ?? '');
    const own = node.type === 'identifier' ? [node.text] : names;
    return { type: node.text, typeNames: own, properties: [] };
  }
  const properties: TypedDeclaration[] = [];
  let decorators: readonly Decorator[] = [];
  for (const child of namedOf(node)) {
    if (child.type === 'decorators') {
      decorators = decoratorsOf(child);
      continue;
    }
    const [key, type] = namedOf(child);
    properties.push({ name: key?.text ?? '', decorators, ...typeOf(type) });
    decorators = [];
  }
  return { type: 'object', typeNames: properties.flatMap((each) => each.typeNames), properties };
}

function literalText(node: Node | undefined): string {
  const value = node === undefined ? undefined : expressionOf(node);
  const text = value === undefined ? undefined : textOf(value);
  if (text === undefined) throw new Error(`${node?.text ?? 'nothing'} is not a plain string`);
  return text;
}

/** The value of a string without interpolation. */
export function textOf(expression: Expression): string | undefined {
  if (expression.kind !== 'string') return undefined;
  const texts = expression.parts.filter((part) => typeof part === 'string');
  return texts.length === expression.parts.length ? texts.join('') : undefined;
}

const literals: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

function expressionOf(node: Node | undefined): Expression {
  if (node === undefined) throw new Error('an expression is missing');
  const children = namedOf(node);
  const [first, second] = children;
  switch (node.type) {
    case 'string':
      return { kind: 'string', parts: children.map(partOf) };
    case 'number':
      return { kind: 'literal', value: Number(node.text) };
    case 'boolean':
    case 'null':
      return { kind: 'literal', value: literals[node.text] ?? null };
    case 'object':
      return { kind: 'object', properties: children.map(propertyOf) };
    case 'array':
      return { kind: 'array', items: children.map(expressionOf) };
    case 'identifier':
      return node.text in literals
        ? { kind: 'literal', value: literals[node.text] ?? null }
        : { kind: 'name', name: node.text };
    case 'member_expression': {
      const between = node.text.slice(first?.text.length);
      const guarded = /^\s*(?:!|\.\?)/.test(between);
      return { kind: 'member', object: expressionOf(first), property: second?.text ?? '', guarded };
    }
    case 'subscript_expression':
      return { kind: 'index', object: expressionOf(first), index: expressionOf(second) };
    case 'call_expression': {
      const args = second === undefined ? [] : namedOf(second).map(expressionOf);
      // A method of a namespace, az.tenant(), is not in use.
      if (first?.type !== 'identifier') throw new Error(`${node.text}: what is called?`);
      return { kind: 'call', name: first.text, arguments: args };
    }
    case 'binary_expression':
    case 'unary_expression':
    case 'ternary_expression':
    case 'parenthesized_expression': {
      const operator = node.children.find((child) => child !== null && !child.isNamed)?.type ?? '';
      return { kind: 'operation', operator, operands: children.map(expressionOf) };
    }
    case 'lambda_expression':
      return {
        kind: 'lambda',
        parameters: children.slice(0, -1).map((child) => child.text),
        body: expressionOf(children.at(-1)),
      };
    case 'for_statement': {
      const variables = first?.type === 'identifier' ? [first] : namedOf(first ?? node);
      const [, over, body] = children;
      return {
        kind: 'for',
        variables: variables.map((each) => each.text),
        over: expressionOf(over),
        body: expressionOf(body),
      };
    }
    case 'if_statement':
      return { kind: 'if', condition: expressionOf(first), body: expressionOf(second) };
    default:
      throw new Error(`${node.type} is not known to the checks: ${node.text}`);
  }
}

function partOf(node: Node): string | Expression {
  if (node.type === 'interpolation') return expressionOf(namedOf(node)[0]);
  return node.type === 'escape_sequence' ? node.text.slice(1) : node.text;
}

function propertyOf(node: Node): Property {
  const [key, value] = namedOf(node);
  if (key === undefined) throw new Error(`${node.text} is not a property`);
  const named = key.type === 'identifier' ? undefined : expressionOf(key);
  return {
    name: named === undefined ? key.text : textOf(named),
    key: named ?? { kind: 'string', parts: [key.text] },
    value: expressionOf(value),
  };
}
