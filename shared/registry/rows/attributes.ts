import { RegistryError } from '../../errors.ts';
import type { RowProperties } from '../../ports/table-store.ts';

/**
 * What can be switched off for a repository, a tag or a manifest, by the names of ACR's REST API.
 */
export const attributeNames = [
  'deleteEnabled',
  'writeEnabled',
  'readEnabled',
  'listEnabled',
] as const;
export type AttributeName = (typeof attributeNames)[number];
export type Attributes = Readonly<Record<AttributeName, boolean>>;
export type AttributeChange = Readonly<Partial<Attributes>>;

/** The property of a tag's row that says: the manifest it points to is locked against reading. */
export const manifestUnreadable = 'manifestUnreadable';

/** What is locked, as an error's detail names it. */
export type LockedThing = Readonly<Record<string, string>>;

/** The attributes a row holds, beside whatever else it holds: what was never switched off is on. */
export function attributesOf(properties: RowProperties): Attributes {
  const isOn = (name: AttributeName) => properties[name] !== false;
  return {
    deleteEnabled: isOn('deleteEnabled'),
    writeEnabled: isOn('writeEnabled'),
    readEnabled: isOn('readEnabled'),
    listEnabled: isOn('listEnabled'),
  };
}

/** What may not be deleted: what is locked against writing may not be either, as in ACR. */
export function isKept({ deleteEnabled, writeEnabled }: Attributes): boolean {
  return !deleteEnabled || !writeEnabled;
}

/** Throws the refusal of a lock unless the attribute is on. */
export function refuseUnless(
  attribute: AttributeName,
  attributes: Attributes,
  locked: LockedThing,
): void {
  if (!attributes[attribute]) throw disallowed(attribute, locked);
}

/** Throws the refusal of a lock when what it is of may not be deleted. */
export function refuseIfKept(attributes: Attributes, locked: LockedThing): void {
  refuseUnless('deleteEnabled', attributes, locked);
  refuseUnless('writeEnabled', attributes, locked);
}

/**
 * The refusal of a lock, with ACR's status and sentence, which `acr purge` and people's scripts
 * know. The code is one of the distribution specification's, where ACR has
 * `REGISTRY_DISALLOWED_OPERATION`.
 */
export function disallowed(attribute: AttributeName, locked: LockedThing): RegistryError {
  return new RegistryError('DENIED', {
    status: 405,
    message: 'The operation is disallowed on this registry, repository or image',
    detail: { ...locked, [attribute]: false },
    headers: { Allow: attribute === 'readEnabled' ? 'PUT, DELETE' : 'GET, HEAD' },
  });
}
