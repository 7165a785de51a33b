import { toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import { routes } from '../../functions/routes.ts';
import { errorTable } from '../../shared/errors.ts';
import type { ManagementAccess, Route } from '../../shared/http/route.ts';
import { examples } from './examples.ts';
import { namedSchemas } from './named-schemas.ts';
import { type Operation, operations } from './operations.ts';

const prefix = 'api/v1/';

/** A method of a route of the management API, as the function app registers it. */
export interface ManagementEndpoint {
  /** Method and template: `GET api/v1/policy`. */
  readonly key: string;
  readonly method: string;
  readonly template: string;
  readonly functionName: string;
  readonly access: string;
}

/** What the function app itself says there is. */
export const endpoints: readonly ManagementEndpoint[] = routes.flatMap(endpointsOf);

function endpointsOf(route: Route): ManagementEndpoint[] {
  return route.templates
    .filter((template) => template.startsWith(prefix))
    .flatMap((template) =>
      Object.entries(route.methods).map(([method, { access }]) => ({
        key: `${method} ${template}`,
        method,
        template,
        functionName: route.name,
        access,
      })),
    );
}

const conversion = {
  target: 'draft-2020-12',
  // What a schema checks by a function is said in words.
  errorMode: 'ignore',
  overrideRef: ({ referenceId }: { referenceId: string }) => `#/components/schemas/${referenceId}`,
} as const;

const rights: Readonly<Record<ManagementAccess, string>> = {
  manage_read: 'read',
  manage_write: 'write',
  manage_delete: 'delete',
};

/** The management API in OpenAPI 3.1, made of the routes, the schemas and `operations`. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    const operation = operations[endpoint.key];
    if (operation === undefined) throw new Error(`nothing is said of ${endpoint.key}`);
    const path = (paths[`/${endpoint.template}`] ??= {});
    path[endpoint.method.toLowerCase()] = operationJson(endpoint, operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lighter management API',
      version: '1',
      description:
        'Settings, repository tokens and upkeep of a Lighter registry. docs/api.md tells how to sign in and how soon a change is in force. What answers GET answers HEAD, without the body.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{host}',
        variables: { host: { default: 'registry.example.com' } },
      },
    ],
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token of the scope `registry:management:*` from `/oauth2/token`.',
        },
        basic: {
          type: 'http',
          scheme: 'basic',
          description: 'What `docker login` takes: a user name and a password.',
        },
      },
      schemas: { ...toJsonSchemaDefs(namedSchemas, conversion), Error: errorSchema },
    },
  };
}

function operationJson(endpoint: ManagementEndpoint, operation: Operation): object {
  const { summary, description, request } = operation;
  const { access } = endpoint;
  return {
    operationId: `${endpoint.functionName}-${endpoint.method.toLowerCase()}`,
    summary,
    description: [description, needed(access)].filter(Boolean).join(' '),
    parameters: parametersOf(endpoint, operation),
    ...(access === 'open' && { security: [] }),
    ...(request !== undefined && {
      requestBody: {
        required: request.optional !== true,
        content: {
          'application/json': {
            schema: requestSchema(request),
            example: exampleOf(request),
          },
        },
      },
    }),
    responses: Object.fromEntries([...successes(operation), ...refusals(endpoint, operation)]),
  };
}

function requestSchema({ schema, withoutName }: NonNullable<Operation['request']>): object {
  const named = namedSchemas[schema];
  if (named === undefined) throw new Error(`there is no schema ${schema}`);
  if (withoutName !== true) return refTo(schema);
  const { $schema: _dialect, required = [], ...rest } = toJsonSchema(named, conversion);
  return { ...rest, required: required.filter((name) => name !== 'name') };
}

function exampleOf({ schema }: NonNullable<Operation['request']>): unknown {
  if (!Object.hasOwn(examples, schema)) throw new Error(`there is no example of ${schema}`);
  return examples[schema];
}

function parametersOf({ template }: ManagementEndpoint, operation: Operation): object[] {
  const { query = {}, ifMatch, ifNoneMatch } = operation;
  const header = (name: string, required: boolean, description: string) => ({
    name,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  return [
    ...[...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
      name,
      in: 'path',
      required: true,
      schema:
        name === 'slot' ? { type: 'string', enum: ['password1', 'password2'] } : { type: 'string' },
    })),
    ...Object.entries(query).map(([name, { description, required, values }]) => ({
      name,
      in: 'query',
      required,
      description,
      schema: { type: 'string', ...(values !== undefined && { enum: values }) },
    })),
    ...(ifMatch === undefined
      ? []
      : [header('If-Match', ifMatch === 'required', 'The ETag that it must still have, or `*`.')]),
    ...(ifNoneMatch === true
      ? [header('If-None-Match', false, '`*`: only if there is none yet.')]
      : []),
  ];
}

function successes({ answers, etag }: Operation): [string, object][] {
  return Object.entries(answers).map(([status, schema]) => [
    status,
    {
      description: status === '201' ? 'Made.' : status === '204' ? 'Done.' : 'As asked.',
      ...(etag === true && { headers: { ETag: { schema: { type: 'string' } } } }),
      ...(schema !== undefined && { content: { 'application/json': { schema: refTo(schema) } } }),
    },
  ]);
}

function refusals({ access }: ManagementEndpoint, { errors }: Operation): [string, object][] {
  return Object.entries({ ...everyRefusal(access), ...errors }).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: refTo('Error') } } },
  ]);
}

/** Statuses that any operation can answer, by what it needs. */
function everyRefusal(access: string): Readonly<Record<number, string>> {
  if (access === 'open') return {};
  return {
    401: 'No credential, a wrong one, or an access token that lacks the right.',
    ...(isManagement(access) && {
      403: 'The user name and password are right and lack the right.',
    }),
    503: 'Storage or something else that must be asked does not answer; `Retry-After` says when.',
  };
}

function needed(access: string): string {
  if (access === 'open') return 'Needs no credential.';
  return isManagement(access) ? `Needs \`registry:management:${rights[access]}\`.` : '';
}

function isManagement(access: string): access is ManagementAccess {
  return Object.hasOwn(rights, access);
}

function refTo(schema: string): object {
  return { $ref: `#/components/schemas/${schema}` };
}

const errorSchema = {
  type: 'object',
  required: ['errors'],
  properties: {
    errors: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['code', 'message', 'detail'],
        properties: {
          code: { type: 'string', enum: Object.keys(errorTable) },
          message: { type: 'string' },
          detail: {
            description: 'Depends on the code and the status; the request’s id if nothing else.',
            type: ['object', 'array'],
            properties: {
              problems: {
                type: 'array',
                items: { $ref: '#/components/schemas/Problem' },
              },
            },
          },
        },
      },
    },
  },
};
