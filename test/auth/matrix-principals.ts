import type { Action } from '../../shared/domain/scope.ts';

/** Everybody pulls from the first, some work in the second, only who may everywhere in the third. */
export const repositories = ['open/app', 'team/app', 'secret/app'] as const;
export type Repository = (typeof repositories)[number];

export type Need = Action | 'catalog' | 'manage_read' | 'manage_write' | 'manage_delete';

/** A kind of principal, and all that it may do. */
export interface Rights {
  /** In all repositories, unless `only` says where. */
  readonly actions: readonly Action[];
  readonly only?: Repository;
  readonly registry?: readonly Need[];
  /** An access token has what it says and nothing besides; others have what is open to all. */
  readonly isToken?: true;
}

const management = ['manage_read', 'manage_write', 'manage_delete'] as const;
const all: readonly Action[] = [
  'pull',
  'push',
  'delete',
  'sign',
  'metadata_read',
  'metadata_write',
];
const owner: Rights = {
  actions: all.filter((action) => action !== 'sign'),
  registry: ['catalog', ...management],
};
const reading = ['pull', 'metadata_read'] as const;

/** docs/permissions.md, "What a role permits", and ACR's repository roles under a condition. */
export const roles: Readonly<Record<string, Rights>> = {
  Owner: owner,
  Contributor: owner,
  Reader: { actions: reading, registry: ['catalog', 'manage_read'] },
  AcrPush: { actions: [...reading, 'push'], registry: ['catalog'] },
  AcrPull: { actions: reading, registry: ['catalog'] },
  AcrDelete: { actions: ['delete'] },
  AcrImageSigner: { actions: ['sign'] },
  'Container Registry Repository Reader': { actions: reading, only: 'team/app' },
  'Container Registry Repository Writer': {
    actions: [...reading, 'push', 'metadata_write'],
    only: 'team/app',
  },
  'Container Registry Repository Contributor': {
    actions: [...reading, 'push', 'delete', 'metadata_write'],
    only: 'team/app',
  },
  'Container Registry Repository Catalog Lister': { actions: [], registry: ['catalog'] },
};

export const anonymous: Rights = { actions: [] };
export const admin: Rights = { actions: all, registry: ['catalog', ...management] };
/** By rules of the policy on `team/*`. */
export const reader: Rights = { actions: reading, only: 'team/app' };
export const pusher: Rights = { actions: ['pull', 'push'], only: 'team/app' };

/** Access tokens of one scope each. */
export const scopes: Readonly<Record<string, Rights>> = {
  ...Object.fromEntries(
    all.map((action): [string, Rights] => [
      `repository:team/app:${action}`,
      { actions: [action], only: 'team/app', isToken: true },
    ]),
  ),
  'repository:team/*:pull': { actions: ['pull'], only: 'team/app', isToken: true },
  'registry:catalog:*': { actions: [], registry: ['catalog'], isToken: true },
  ...Object.fromEntries(
    management.map((need): [string, Rights] => [
      `registry:management:${need.replace('manage_', '')}`,
      { actions: [], registry: [need], isToken: true },
    ]),
  ),
};

/** Whether one of the rights is there. */
export function has(
  { actions, only, registry = [], isToken }: Rights,
  needs: readonly Need[],
  repository: Repository | undefined,
): boolean {
  const open = isToken !== true && repository === 'open/app' ? reading : [];
  const own = repository !== undefined && (only ?? repository) === repository ? actions : [];
  const held: ReadonlySet<Need> = new Set([...open, ...own, ...registry]);
  return needs.some((need) => held.has(need) || (need === 'sign' && held.has('push')));
}
