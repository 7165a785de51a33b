import { format, resolveConfig } from 'prettier';
import { introduction } from './api-introduction.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: {
      readonly 'application/json': { readonly schema: Schema; readonly example: unknown };
    };
  };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content?: { readonly 'application/json': { readonly schema: Schema } };
      }
    >
  >;
}

/** What the page needs of the OpenAPI file. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** docs/api.md, of the OpenAPI file, formatted as the repository is. */
export async function apiPage({ paths, components }: OpenApi): Promise<string> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      title: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  const page = [
    introduction,
    '## Operations',
    'Besides what is said of each: 401 answers no credential, a wrong one, or an access token that lacks the right; 403 a user name and password that are right and lack it; 503, with `Retry-After`, when storage, or something else that must be asked, does not answer.',
    table(
      ['operation', 'what'],
      operations.map(({ title, operation }) => [
        `[\`${title}\`](#${anchor(title)})`,
        operation.summary,
      ]),
    ),
    ...(await Promise.all(operations.map(({ title, operation }) => section(title, operation)))),
    '## Documents',
    'Fields of lists are written `list[].field`, those of named entries `map.*`.',
    ...Object.entries(components.schemas)
      .filter(([name]) => name !== 'OpenApi')
      .map(([name, schema]) => documentSection(name, schema)),
  ].join('\n\n');
  const style = await resolveConfig(import.meta.filename);
  return await format(page, { ...style, parser: 'markdown' });
}

/** What is said once, above all of them. */
const ofEveryOperation = ['401', '403', '503'];

async function section(title: string, operation: Operation): Promise<string> {
  const { summary, description, parameters, responses } = operation;
  const said = parameters.filter(({ description: text }) => text !== undefined);
  return [
    `### ${title}`,
    `${summary}. ${description}`,
    ...(said.length === 0
      ? []
      : [
          table(
            ['parameter', 'where', 'what'],
            said.map(({ name, in: place, required, description: text = '' }) => [
              `\`${name}\``,
              place,
              `${text}${required ? ' Required.' : ''}`,
            ]),
          ),
        ]),
    `\`\`\`sh\n${await curl(title, operation)}\n\`\`\``,
    table(
      ['status', 'when'],
      Object.entries(responses)
        .filter(([status]) => !ofEveryOperation.includes(status))
        .map(([status, { description: text, content }]) => [
          status,
          `${text}${Number(status) < 300 ? link(content?.['application/json'].schema) : ''}`,
        ]),
    ),
  ].join('\n\n');
}

async function curl(title: string, operation: Operation): Promise<string> {
  const { parameters, requestBody, description } = operation;
  const [method = '', path = ''] = title.split(' ');
  const names: Readonly<Record<string, string>> = {
    name: exampleName(path),
    slot: 'password1',
  };
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => names[name] ?? name);
  const needsEtag = parameters.some(({ name, required }) => name === 'If-Match' && required);
  const query = parameters
    .filter(({ in: place }) => place === 'query')
    .map(({ name }) => `${name}=${exampleOfParameter[name] ?? name}`);
  const lines = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}"https://$registry${address}${query.length === 0 ? '' : `?${query.join('&')}`}"`,
    ...(description.includes('Needs no credential') ? [] : ['-H "Authorization: Bearer $token"']),
    ...(needsEtag ? ['-H "If-Match: $etag"'] : []),
    ...(requestBody === undefined
      ? []
      : [
          '-H "Content-Type: application/json"',
          `-d '${await compact(requestBody.content['application/json'].example)}'`,
        ]),
  ];
  return [...(needsEtag ? [etagOf(address)] : []), lines.join(' \\\n  ')].join('\n');
}

/** Of what is there now. */
function etagOf(address: string): string {
  return `etag=$(curl -fsS -o /dev/null -w '%header{etag}' -H "Authorization: Bearer $token" "https://$registry${address}")`;
}

const exampleOfParameter: Readonly<Record<string, string>> = {
  principal: 'token:ci',
  action: 'push',
  repository: 'team/app',
  n: '100',
  last: 'team/app',
};

function exampleName(path: string): string {
  if (path.includes('tokens')) return 'ci';
  if (path.includes('scope-maps')) return 'builds';
  return path.includes('usage') ? 'team%2Fapp' : 'github-app';
}

/** JSON with what is short on one line. */
async function compact(value: unknown): Promise<string> {
  const text = await format(JSON.stringify(value), { parser: 'json', printWidth: 80 });
  return text.trim();
}

function documentSection(name: string, schema: Schema): string {
  return [
    `### ${name}`,
    table(
      ['field', 'type', 'what'],
      fieldsOf(schema, '').map(({ path, required, type, text }) => [
        `\`${path}\`${required ? '' : ' (optional)'}`,
        type,
        text,
      ]),
    ),
  ].join('\n\n');
}

interface Field {
  readonly path: string;
  readonly required: boolean;
  readonly type: string;
  readonly text: string;
}

/** The fields of a schema, those of others that it refers to left to them. */
function fieldsOf({ properties = {}, required = [] }: Schema, prefix: string): Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    const field = {
      path,
      required: required.includes(name),
      type: typeOf(schema),
      text: [schema.description, limitsOf(schema)].filter(Boolean).join(' '),
    };
    const element = schema.items ?? schema.anyOf?.find((each) => each.properties !== undefined);
    const inner = element ?? schema;
    const separator = schema.items === undefined ? '.' : '[].';
    return [field, ...fieldsOf(inner, `${path}${separator}`)];
  });
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return link(schema).trim();
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  const { additionalProperties: entries, type = 'any' } = schema;
  if (typeof entries === 'object') return `map of ${typeOf(entries)}`;
  return Array.isArray(type) ? type.join(' or ') : String(type);
}

function limitsOf({ default: left, minimum, maximum }: Schema): string {
  return [
    ...(left === undefined || typeof left === 'object'
      ? []
      : [`Default: ${JSON.stringify(left)}.`]),
    ...(minimum === undefined || minimum === 0 ? [] : [`At least ${minimum}.`]),
    ...(maximum === undefined ? [] : [`At most ${maximum}.`]),
  ].join(' ');
}

function link(schema: Schema | undefined): string {
  const name = schema?.$ref?.split('/').at(-1);
  return name === undefined || name === 'OpenApi' ? '' : ` [${name}](#${name.toLowerCase()})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** As the usual forges make it of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
