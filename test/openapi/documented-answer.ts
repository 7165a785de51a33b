import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { Answer } from '../http/client.ts';

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: object;
}
interface OpenApi {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly responses: Readonly<Record<string, DocumentedResponse>> }>>
    >
  >;
}

const document: OpenApi = JSON.parse(
  readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'),
);
const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': isDateTime } });
ajv.addSchema(document, 'openapi');

/** The statuses that the OpenAPI file has for an operation: `PUT api/v1/policy`. */
export function documentedStatuses(operation: string): number[] {
  return Object.keys(responsesOf(operation)).map(Number);
}

/** Expects the answer to be one that the OpenAPI file describes, headers and body. */
export function expectDocumented(operation: string, answer: Answer): void {
  const text = answer.body.toString();
  const responses = responsesOf(operation);
  const response = responses[answer.status];
  expect(Object.keys(responses), `${operation}: ${text}`).toContain(String(answer.status));
  if (response?.content === undefined) {
    expect(text).toBe('');
    return;
  }
  expect(answer.headers.get('Content-Type')).toBe('application/json');
  for (const name of Object.keys(response.headers ?? {})) {
    expect(answer.headers.get(name), `${name} of ${operation}`).not.toBeNull();
  }
  const pointer = ['paths', pathOf(operation), methodOf(operation), 'responses', answer.status]
    .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = ajv.compile({
    $ref: `openapi#/${pointer}/content/application~1json/schema`,
  });
  validate(JSON.parse(text));
  expect(validate.errors, `${operation} ${answer.status}: ${text}`).toBeNull();
}

function responsesOf(operation: string): Readonly<Record<string, DocumentedResponse>> {
  return document.paths[pathOf(operation)]?.[methodOf(operation)]?.responses ?? {};
}

const methodOf = (operation: string) => operation.split(' ', 1)[0]?.toLowerCase() ?? '';
const pathOf = (operation: string) => `/${operation.slice(operation.indexOf(' ') + 1)}`;

function isDateTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
