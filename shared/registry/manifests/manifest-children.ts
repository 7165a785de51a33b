import type { Digest } from '../../domain/digest.ts';
import type { Child } from '../../domain/manifest.ts';
import { RegistryError } from '../../errors.ts';
import type { Operation } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { blobLinkKey, manifestKey, parentOfKey } from '../rows/row-keys.ts';

/**
 * Whether a child's row is known to be there, known not to be, or to be found out by the
 * transaction.
 */
export type Presence = ReadonlyMap<Digest, boolean>;

export function childKey(child: Child): string {
  return child.kind === 'manifest' ? manifestKey(child.digest) : blobLinkKey(child.digest);
}

/**
 * The operations for one child: the touch, which fails the transaction when the child is not there
 * and restarts its 24 hours when it is, and the reverse reference that keeps it. An absent child
 * that may be absent gets the reference alone, and is so kept when it comes later.
 */
export function childOperations(child: Child, parent: Digest, presence: Presence): Operation[] {
  const reference: Operation = {
    kind: 'upsert',
    rowKey: parentOfKey(child.digest, parent),
    properties: {},
  };
  if (presence.get(child.digest) === false) return [reference];
  return [{ kind: 'merge', rowKey: childKey(child), etag: '*', properties: {} }, reference];
}

/** So many that a wide manifest does not take all connections to storage from other requests. */
const readsAtOnce = 50;
const maxMissingNamed = 1000;

/** Reads which children are there, until a thousand are found missing that must not be. */
export async function probeChildren(
  registry: Registry,
  partition: string,
  children: readonly Child[],
): Promise<Presence> {
  const presence = new Map<Digest, boolean>();
  let missing = 0;
  for (let at = 0; at < children.length && missing < maxMissingNamed; at += readsAtOnce) {
    const some = children.slice(at, at + readsAtOnce);
    const rows = await Promise.all(
      some.map((child) => registry.tables.get('repo', partition, childKey(child))),
    );
    some.forEach(({ digest, optional }, index) => {
      const isThere = rows[index] !== undefined;
      presence.set(digest, isThere);
      if (!isThere && !optional) missing += 1;
    });
  }
  return presence;
}

/**
 * Throws MANIFEST_BLOB_UNKNOWN with every child that was looked for, is not there and must be, or
 * with the first thousand of them.
 */
export function refuseIfMissing(children: readonly Child[], presence: Presence): void {
  const missing = children.filter(
    ({ digest, optional }) => !optional && presence.get(digest) === false,
  );
  if (missing.length === 0) return;
  const detail = missing.slice(0, maxMissingNamed).map(({ digest }) => ({ digest }));
  throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { detail });
}
