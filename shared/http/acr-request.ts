import { parseJsonObject } from '../domain/json.ts';
import { parseTag, type Tag } from '../domain/reference.ts';
import { RegistryError } from '../errors.ts';
import {
  type AttributeChange,
  type AttributeName,
  attributeNames,
} from '../registry/rows/attributes.ts';
import type { ManifestChange } from '../registry/manifests/change-manifest.ts';
import { quarantineStates } from '../registry/rows/quarantine.ts';
import { limits } from '../registry/settings.ts';
import { type Order, orders } from '../registry/rows/time-order.ts';
import { readBody } from './body.ts';
import type { RegistryRequest } from './message.ts';
import { parsePage } from './pagination.ts';

const defaultPage = 100;
const maxBodyBytes = 16 * 1024;

export interface AcrPage {
  readonly limit: number;
  readonly last: string;
  readonly order: Order;
}

/**
 * Reads `n` (100 when left out, at least 1), `last` and `orderby` of a list. Throws UNSUPPORTED
 * 400.
 */
export function parseAcrPage(query: URLSearchParams): AcrPage {
  const { limit, last } = parsePage(query, limits.maxListPage);
  const text = query.get('orderby') ?? '';
  const order = text === '' ? 'none' : orders.find((each) => each === text);
  if (order === undefined) throw malformed(`orderby must be one of ${orders.join(', ')}`);
  return { limit: query.has('n') ? Math.max(limit, 1) : defaultPage, last, order };
}

/**
 * Parses the tag a path names. Throws MANIFEST_UNKNOWN for what can be no tag: there is none of
 * that name.
 */
export function requiredTag(text: string | undefined): Tag {
  const tag = parseTag(text ?? '');
  if (tag !== undefined) return tag;
  throw new RegistryError('MANIFEST_UNKNOWN', { detail: { tag: text } });
}

/**
 * Reads the body of a PATCH: the attributes to change, and those alone. What is null is left as it
 * is. Throws UNSUPPORTED 400 or 413.
 */
export async function readAttributeChange(request: RegistryRequest): Promise<AttributeChange> {
  return attributesIn(await readChanges(request));
}

/** As {@link readAttributeChange}, of a manifest, with what was found out about it. */
export async function readManifestChange(request: RegistryRequest): Promise<ManifestChange> {
  const { quarantineState, quarantineDetails, ...attributes } = await readChanges(request);
  const state = quarantineStates.find((each) => each === quarantineState);
  if (quarantineState !== undefined && state === undefined) {
    throw malformed(`quarantineState must be one of ${quarantineStates.join(', ')}`);
  }
  if (quarantineDetails !== undefined && typeof quarantineDetails !== 'string') {
    throw malformed('quarantineDetails must be a string');
  }
  return {
    ...attributesIn(attributes),
    ...(state === undefined ? {} : { quarantineState: state }),
    ...(quarantineDetails === undefined ? {} : { quarantineDetails }),
  };
}

/** What is to be changed; null leaves it as it is. */
async function readChanges(request: RegistryRequest): Promise<Record<string, unknown>> {
  const body = await readBody(request, maxBodyBytes);
  if (body === undefined) {
    throw new RegistryError('SIZE_INVALID', { status: 413, message: 'the body is too large' });
  }
  const json = parseJsonObject(body);
  if (json === undefined) throw malformed('the body must be a JSON object of attributes');
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function attributesIn(changes: Readonly<Record<string, unknown>>): AttributeChange {
  const change: Partial<Record<AttributeName, boolean>> = {};
  for (const [name, value] of Object.entries(changes)) {
    const attribute = attributeNames.find((each) => each === name);
    if (attribute === undefined) throw malformed(`the attribute is not supported: ${name}`);
    if (typeof value !== 'boolean') throw malformed(`${name} must be true or false`);
    change[attribute] = value;
  }
  return change;
}

function malformed(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', { status: 400, message });
}
