import type * as v from 'valibot';
import { findByName } from '../../auth/repository-token-access.ts';
import { RegistryError } from '../../errors.ts';
import { entityTagOf } from '../../policy/entity-tag.ts';
import { type FederationRule, federationRule } from '../../policy/federation-rules.ts';
import type { PolicyDocument } from '../../policy/policy-document.ts';
import { type ScopeMap, scopeMap } from '../../policy/scope-maps.ts';
import { readJson, wrongDocument } from '../json-request.ts';
import { jsonAnswer } from '../json-response.ts';
import type { RegistryResponse } from '../message.ts';
import type { Call } from '../route.ts';
import { changePolicy } from './change-policy.ts';
import { checkDocument } from './check-document.ts';
import { checkConditions } from './conditions.ts';

interface Named {
  readonly name: string;
}

/** A list of the policy whose elements have names, so that each can be changed by itself. */
interface Section<Item extends Named> {
  /** What an element is called in a sentence. */
  readonly noun: string;
  readonly schema: v.GenericSchema<unknown, Item>;
  readonly of: (policy: PolicyDocument) => readonly Item[];
  readonly with: (policy: PolicyDocument, items: Item[]) => PolicyDocument;
}

export const scopeMapSection: Section<ScopeMap> = {
  noun: 'scope map',
  schema: scopeMap,
  of: ({ scopeMaps }) => scopeMaps,
  with: (policy, scopeMaps) => ({ ...policy, scopeMaps }),
};

export const federationSection: Section<FederationRule> = {
  noun: 'federation rule',
  schema: federationRule,
  of: ({ federation }) => federation,
  with: (policy, federation) => ({ ...policy, federation }),
};

/** Answers one element with its ETag. Throws NAME_UNKNOWN. */
export async function getItem<Item extends Named>(
  { app, params }: Call,
  section: Section<Item>,
): Promise<RegistryResponse> {
  const { document } = await app.authority.policy.read();
  const item = findByName(section.of(document), nameIn(params));
  if (item === undefined) throw unknown(section.noun, nameIn(params));
  return jsonAnswer(item, { ETag: tagOf(item) });
}

/**
 * Makes or replaces one element, and leaves the others as they are. An element keeps the spelling
 * of its name.
 */
export async function putItem<Item extends Named>(
  call: Call,
  section: Section<Item>,
): Promise<RegistryResponse> {
  const given = await readItem(call, section);
  let created = false;
  const { document } = await changePolicy(call.app, (before) => {
    const items = section.of(before.document);
    const old = findByName(items, given.name);
    checkConditions(call.request.headers, old && tagOf(old));
    created = old === undefined;
    const item = old === undefined ? given : { ...given, name: old.name };
    return section.with(
      before.document,
      old === undefined ? [...items, item] : items.map((each) => (each === old ? item : each)),
    );
  });
  const item = findByName(section.of(document), given.name) ?? given;
  return jsonAnswer(item, { ETag: tagOf(item) }, created ? 201 : 200);
}

/** Throws NAME_UNKNOWN where there is none. */
export async function deleteItem<Item extends Named>(
  { app, request, params }: Call,
  section: Section<Item>,
): Promise<RegistryResponse> {
  await changePolicy(app, ({ document }) => {
    const items = section.of(document);
    const old = findByName(items, nameIn(params));
    if (old === undefined) throw unknown(section.noun, nameIn(params));
    checkConditions(request.headers, tagOf(old));
    return section.with(
      document,
      items.filter((each) => each !== old),
    );
  });
  return { status: 204, headers: {} };
}

/** The name may be left out of the body, as the path has it. */
async function readItem<Item extends Named>(
  { request, params }: Call,
  { schema }: Section<Item>,
): Promise<Item> {
  const name = nameIn(params);
  const item = checkDocument(schema, { name, ...(await readJson(request)) });
  if (item.name.toLowerCase() === name.toLowerCase()) return item;
  throw wrongDocument([{ at: '/name', problem: 'must be the name in the path' }]);
}

function tagOf(item: Named): string {
  return entityTagOf(JSON.stringify(item));
}

function nameIn({ name = '' }: Call['params']): string {
  return name;
}

function unknown(noun: string, name: string): RegistryError {
  return new RegistryError('NAME_UNKNOWN', {
    message: `there is no ${noun} of that name`,
    detail: { name },
  });
}
