import type { Digest } from '../../domain/digest.ts';
import { RegistryError } from '../../errors.ts';
import type { Registry } from '../registry.ts';
import { keysUnder } from '../rows/row-keys.ts';

const maxReferrers = 500;

/** A manifest that refers to another. */
export interface Referrer {
  readonly digest: Digest;
  readonly subject: Digest;
}

/**
 * What refers to a manifest, and what refers to that, and so on: each once, after what it refers
 * to. One request for each manifest. Throws UNSUPPORTED 409 when there are more than 500.
 */
export async function allReferrers(
  registry: Registry,
  partition: string,
  root: Digest,
): Promise<readonly Referrer[]> {
  const subjects = new Map<Digest, Digest | undefined>([[root, undefined]]);
  for (const subject of subjects.keys()) {
    const prefix = `r:${subject}:` as const;
    const rows = await registry.tables.list('repo', partition, {
      ...keysUnder(prefix),
      limit: maxReferrers + 1,
      select: [],
    });
    for (const { rowKey } of rows) {
      const digest = rowKey.slice(prefix.length) as Digest;
      if (!subjects.has(digest)) subjects.set(digest, subject);
    }
    if (subjects.size > maxReferrers + 1) throw tooMany(root);
  }
  return [...subjects].flatMap(([digest, subject]) =>
    subject === undefined ? [] : [{ digest, subject }],
  );
}

function tooMany(digest: Digest): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 409,
    message: `more than ${maxReferrers} manifests refer to it: delete some of them first`,
    detail: { digest },
  });
}
