import { posix } from 'node:path';
import type { Expression, Module, Parameter, Template, TypedDeclaration } from './bicep-model.ts';
import { textOf } from './bicep.ts';
import { at, bodyOf, childrenOf, expressionsOf, keysOf, show, within } from './expressions.ts';

/** Functions of Bicep that the templates use; a misspelled one is not among them. */
const functions = new Set(
  (
    'cidrSubnet contains empty environment fail guid join last length loadTextContent ' +
    'resourceGroup split string subscriptionResourceId tenant toLower union uniqueString'
  ).split(' '),
);

/** Azure has released no version of these that is not called a preview. */
const onlyPreviews = new Set(['Microsoft.Insights/diagnosticSettings@2021-05-01-preview']);

/**
 * What a compiler would say of templates that belong together, a line each: names that are not
 * there or not used, modules and outputs that do not fit, types that surely differ.
 */
export function problemsIn(templates: readonly Template[]): string[] {
  const byPath = new Map(templates.map((each) => [each.path, each]));
  return templates.flatMap((template) =>
    template.hasErrors
      ? [`${template.path}: does not parse`]
      : [
          ...declarationsIn(template),
          ...importsIn(template, byPath),
          ...namesIn(template),
          ...unusedIn(template),
          ...modulesIn(template, byPath),
          ...outputsUsedIn(template, byPath),
        ].map((problem) => `${template.path}: ${problem}`),
  );
}

function declarationsIn(template: Template): string[] {
  const { parameters, variables, types, resources, modules, outputs } = template;
  const symbols = [
    ...[...parameters, ...variables, ...types, ...resources, ...modules].map(({ name }) => name),
    ...template.imports.flatMap(({ names }) => names),
  ];
  const undescribed = [...parameters, ...outputs, ...types, ...types.flatMap(propertiesOf)].filter(
    ({ decorators }) => !decorators.some(({ name }) => name === 'description'),
  );
  const keys = [...expressionsOf(template)].flatMap((each) => repeated(keysOf(each)));
  const unbounded = [...parameters, ...types.flatMap(propertiesOf)].filter(
    ({ type, decorators }) =>
      /^int\??$/.test(type) && !isBounded(decorators.map((each) => each.name)),
  );
  return [
    ...repeated(symbols).map((name) => `${name} is declared twice`),
    ...repeated(outputs.map(({ name }) => name)).map((name) => `output ${name} is declared twice`),
    ...keys.map((name) => `property ${name} is given twice`),
    ...undescribed.map(({ name }) => `${name} is not described`),
    ...unbounded.map(({ name }) => `${name} is a number without bounds`),
    ...resources
      .map(({ type, apiVersion }) => `${type}@${apiVersion}`)
      .filter((each) => !/@\d{4}-\d{2}-\d{2}$/.test(each) && !onlyPreviews.has(each))
      .map((each) => `${each} is not a released version`),
  ];
}

const propertiesOf = ({ properties }: TypedDeclaration): readonly TypedDeclaration[] => properties;

function isBounded(names: readonly string[]): boolean {
  return names.includes('allowed') || names.includes('minValue');
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function importsIn(template: Template, byPath: ReadonlyMap<string, Template>): string[] {
  return template.imports.flatMap(({ from, names }) => {
    const source = byPath.get(resolve(template, from));
    if (source === undefined) return [`imports ${from}, which is not there`];
    const exported = [...source.types, ...source.variables]
      .filter(({ decorators }) => decorators.some(({ name }) => name === 'export'))
      .map(({ name }) => name);
    return names
      .filter((name) => !exported.includes(name))
      .map((name) => `${from} does not export ${name}`);
  });
}

function resolve({ path }: Template, relative: string): string {
  return posix.normalize(posix.join(posix.dirname(path), relative));
}

function namesIn(template: Template): string[] {
  const { parameters, variables, types, resources, modules, outputs, imports } = template;
  const values = [...parameters, ...variables, ...resources, ...modules].map(({ name }) => name);
  const imported = imports.flatMap(({ names }) => names);
  const known = new Set([...values, ...imported]);
  const knownTypes = new Set([...types.map(({ name }) => name), ...imported]);
  const typed = [...parameters, ...outputs, ...types];
  return [
    ...rootsOf(template).flatMap((root) => unknownIn(root, known)),
    ...typed
      .flatMap(({ typeNames }) => typeNames)
      .filter((name) => !knownTypes.has(name))
      .map((name) => `type ${name} is not declared`),
  ];
}

function rootsOf({ parameters, variables, resources, modules, outputs }: Template): Expression[] {
  return [
    ...parameters.flatMap(({ fallback }) => (fallback === undefined ? [] : [fallback])),
    ...[...variables, ...resources, ...modules, ...outputs].map(({ value }) => value),
  ];
}

function unknownIn(expression: Expression, known: ReadonlySet<string>): string[] {
  if (expression.kind === 'name') {
    return known.has(expression.name) ? [] : [`${expression.name} is not declared`];
  }
  if (expression.kind === 'call' && !functions.has(expression.name)) {
    return [`function ${expression.name} is not known to the checks`];
  }
  const local = localsOf(expression);
  const inside = local.length === 0 ? known : new Set([...known, ...local]);
  return childrenOf(expression).flatMap((child) => unknownIn(child, inside));
}

function localsOf(expression: Expression): readonly string[] {
  if (expression.kind === 'for') return expression.variables;
  return expression.kind === 'lambda' ? expression.parameters : [];
}

function unusedIn(template: Template): string[] {
  const names = new Set<string>();
  for (const each of expressionsOf(template)) if (each.kind === 'name') names.add(each.name);
  const typed = [...template.parameters, ...template.outputs, ...template.types];
  for (const name of typed.flatMap(({ typeNames }) => typeNames)) names.add(name);
  const isExported = ({ decorators }: { decorators: readonly { name: string }[] }) =>
    decorators.some(({ name }) => name === 'export');
  const mustBeUsed = [
    ...template.parameters,
    ...template.variables.filter((each) => !isExported(each)),
    ...template.types.filter((each) => !isExported(each)),
    ...template.resources.filter(({ existing }) => existing),
  ].map(({ name }) => name);
  const imported = template.imports.flatMap((each) => each.names);
  return [...mustBeUsed, ...imported]
    .filter((name) => !names.has(name))
    .map((name) => `${name} is not used`);
}

function modulesIn(template: Template, byPath: ReadonlyMap<string, Template>): string[] {
  return template.modules.flatMap((module) => {
    const target = byPath.get(resolve(template, module.source));
    if (target === undefined) return [`module ${module.name}: ${module.source} is not there`];
    return [...scopeOf(template, module, target), ...argumentsOf(template, module, target)].map(
      (problem) => `module ${module.name}: ${problem}`,
    );
  });
}

function scopeOf(template: Template, module: Module, target: Template): string[] {
  const scoped = at(module.value, 'scope') !== undefined;
  return template.targetScope === target.targetScope || scoped
    ? []
    : [`is for a ${target.targetScope} and has no scope`];
}

function argumentsOf(template: Template, module: Module, target: Template): string[] {
  const params = at(module.value, 'params');
  const given = params?.kind === 'object' ? params.properties : [];
  const names = keysOf(params);
  const required = target.parameters.filter(
    ({ fallback, type }) => fallback === undefined && !type.endsWith('?'),
  );
  return [
    ...required.filter(({ name }) => !names.includes(name)).map(({ name }) => `lacks ${name}`),
    ...given.flatMap(({ name, value }) => {
      const parameter = target.parameters.find((each) => each.name === name);
      if (parameter === undefined) return [`has no parameter ${name ?? show(value)}`];
      return misfit(template, value, parameter).map((problem) => `${parameter.name}: ${problem}`);
    }),
  ];
}

/** Whether a value surely has another type than the parameter, or is not one of its values. */
function misfit(template: Template, value: Expression, parameter: Parameter): string[] {
  const wanted = basicType(parameter.type);
  const given = typeOfValue(template, value);
  if (wanted !== undefined && given !== undefined && given !== wanted) {
    return [`is ${given}, not ${wanted}`];
  }
  const source =
    value.kind === 'name' ? template.parameters.find(({ name }) => name === value.name) : undefined;
  const wider = source === undefined ? [] : wideningOf(source, parameter);
  if (wider.length > 0) return wider;
  const allowed = parameter.decorators.find(({ name }) => name === 'allowed')?.arguments[0];
  const text = textOf(value);
  if (allowed?.kind !== 'array' || text === undefined) return [];
  return allowed.items.some((item) => textOf(item) === text) ? [] : [`${text} is not allowed`];
}

/** Bounds of a source that go beyond those of its target, of which a compiler warns (BCP334, 335). */
function wideningOf(source: Parameter, target: Parameter): string[] {
  const bound = (parameter: Parameter, name: string) => {
    const argument = parameter.decorators.find((each) => each.name === name)?.arguments[0];
    return argument?.kind === 'literal' ? Number(argument.value) : undefined;
  };
  return ['minLength', 'minValue', 'maxLength', 'maxValue'].flatMap((name) => {
    const [given, wanted] = [bound(source, name), bound(target, name)];
    if (given === undefined || wanted === undefined) return [];
    const beyond = name.startsWith('min') ? given < wanted : given > wanted;
    return beyond ? [`may be ${given}, beyond the ${name} ${wanted}`] : [];
  });
}

function basicType(type: string): string | undefined {
  const name = type.replace(/\?$/, '');
  if (name.endsWith('[]')) return 'array';
  return ['string', 'int', 'bool', 'object', 'array'].includes(name) ? name : undefined;
}

function typeOfValue(template: Template, value: Expression): string | undefined {
  switch (value.kind) {
    case 'string':
      return 'string';
    case 'literal':
      if (value.value === null) return undefined;
      return typeof value.value === 'number' ? 'int' : 'bool';
    case 'object':
      return 'object';
    case 'array':
    case 'for':
      return 'array';
    case 'name': {
      const parameter = template.parameters.find(({ name }) => name === value.name);
      if (parameter !== undefined) return basicType(parameter.type);
      const variable = template.variables.find(({ name }) => name === value.name);
      return variable === undefined ? undefined : typeOfValue(template, variable.value);
    }
    default:
      return undefined;
  }
}

function outputsUsedIn(template: Template, byPath: ReadonlyMap<string, Template>): string[] {
  const modules = new Map(template.modules.map((module) => [module.name, module]));
  return [...expressionsOf(template)].flatMap((expression) => {
    if (expression.kind !== 'member' || expression.object.kind !== 'member') return [];
    const { object, property } = expression.object;
    const module = object.kind === 'name' ? modules.get(object.name) : undefined;
    if (module === undefined || property !== 'outputs') return [];
    const target = byPath.get(resolve(template, module.source));
    const exists = target?.outputs.some(({ name }) => name === expression.property) ?? false;
    const conditional = module.value.kind === 'if';
    return [
      ...(exists ? [] : [`${module.name} has no output ${expression.property}`]),
      ...(conditional === expression.object.guarded
        ? []
        : [
            `${module.name}.outputs must ${conditional ? 'expect' : 'not expect'} that it is missing`,
          ]),
    ];
  });
}

/** All resources of a type in a template that it creates, with their bodies. */
export function created(
  template: Template,
  type: string,
): { readonly name: string; readonly body: Expression; readonly value: Expression }[] {
  return template.resources
    .filter((each) => each.type === type && !each.existing)
    .map(({ name, value }) => ({ name, value, body: bodyOf(value) }));
}

/** Names of functions that are called anywhere in a template. */
export function callsIn(template: Template): string[] {
  return [...expressionsOf(template)].flatMap((each) => (each.kind === 'call' ? [each.name] : []));
}

/** Names a value depends on, through variables of the template. */
export function dependenciesOf(template: Template, value: Expression): string[] {
  return [...within(value)].flatMap((each) => {
    if (each.kind !== 'name') return [];
    const variable = template.variables.find(({ name }) => name === each.name);
    const further = variable === undefined ? [] : dependenciesOf(template, variable.value);
    return [each.name, ...further];
  });
}
