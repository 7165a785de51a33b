import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import { format, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';
import { safeParse } from 'valibot';
import { apiPage, type OpenApi } from './api-page.ts';
import { examples } from './examples.ts';
import { endpoints, openApiDocument } from './openapi-document.ts';
import { namedSchemas } from './named-schemas.ts';
import { operations } from './operations.ts';

const file = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url));

describe('docs/openapi.json', () => {
  /** `npm test -- openapi -u` rewrites it. */
  test('is what the routes and the schemas say', async () => {
    const style = await resolveConfig(file);
    const text = JSON.stringify(openApiDocument());
    await expect(await format(text, { ...style, parser: 'json' })).toMatchFileSnapshot(file);
  });

  test('has every method of every route of the management API, and no other', () => {
    expect(Object.keys(operations).toSorted()).toEqual(endpoints.map(({ key }) => key).toSorted());
    expect(endpoints.length).toBeGreaterThan(20);
  });

  test('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate(JSON.parse(await readFile(file, 'utf8')));
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  test('gives every operation an id of its own', async () => {
    const { paths }: { paths: Record<string, Record<string, { operationId: string }>> } =
      JSON.parse(await readFile(file, 'utf8'));
    const ids = Object.values(paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('docs/api.md is what the OpenAPI file says', async () => {
  const page = fileURLToPath(new URL('../../docs/api.md', import.meta.url));
  const document: OpenApi = JSON.parse(JSON.stringify(openApiDocument()));
  await expect(await apiPage(document)).toMatchFileSnapshot(page);
});

test.each(Object.entries(examples))('the example of %s is valid', (name, example) => {
  const schema = namedSchemas[name];
  if (schema === undefined) throw new Error(`there is no schema ${name}`);
  // The name is in the path.
  expect(safeParse(schema, { ...('name' in example ? {} : named(name)), ...example }).issues).toBe(
    undefined,
  );
});

function named(schema: string): object {
  return ['ScopeMap', 'FederationRule', 'TokenSettings'].includes(schema) ? { name: 'x' } : {};
}
