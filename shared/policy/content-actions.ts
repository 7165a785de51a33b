import type { Action } from '../domain/scope.ts';

/**
 * The actions of ACR's scope maps, and `content/sign`: to push signatures of what is there and
 * nothing else.
 */
export const contentActions = {
  'content/read': 'pull',
  'content/write': 'push',
  'content/delete': 'delete',
  'content/sign': 'sign',
  'metadata/read': 'metadata_read',
  'metadata/write': 'metadata_write',
} as const satisfies Record<string, Action>;
export type ContentAction = keyof typeof contentActions;
