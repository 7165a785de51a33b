/** Who is measured: the other registry, this one, and the storage both stand on. */
export type Side = 'peer' | 'lighter' | 'storage';

export interface Line {
  readonly text: string;
  readonly unit: '/s' | 'MB/s';
  /** Lighter's rate over the peer's that is aimed for; undefined where no aim is set. */
  readonly aimOfPeer?: number;
  /** Lighter's rate over that of storage itself, which is then measured, too. */
  readonly aimOfStorage?: number;
}

const readAims = { unit: '/s', aimOfPeer: 5, aimOfStorage: 0.7 } as const;
const pushAims = { unit: '/s', aimOfPeer: 4 } as const;

/** What is compared, in the order of the table. */
export const lines = {
  headTag: { text: 'HEAD manifest by tag, 1,000 tags in turn, c32', ...readAims },
  headOneTag: { text: 'HEAD manifest by tag, always the same, c32', ...readAims },
  getTag: { text: 'GET manifest by tag, 1,000 tags in turn, c32', ...readAims },
  getOneTag: { text: 'GET manifest by tag, always the same, c32', ...readAims },
  headBlob: { text: 'HEAD blob, c32', unit: '/s' },
  listTags: { text: 'tags/list, n=1000 of 1,000, c8', unit: '/s', aimOfPeer: 100 },
  pushShared: { text: 'small images, one repository, shared config, c20', ...pushAims },
  pushOwn: { text: 'small images, one repository, own configs, c20', ...pushAims },
  pushMany: { text: 'small images, a repository each, c20', ...pushAims },
  pushPatch: {
    text: 'layer up, one chunked PATCH',
    unit: 'MB/s',
    aimOfPeer: 2.5,
    aimOfStorage: 0.95,
  },
  pushPut: { text: 'layer up, one PUT', unit: 'MB/s', aimOfPeer: 2.5, aimOfStorage: 0.95 },
  pull: { text: 'layer down', unit: 'MB/s', aimOfStorage: 0.97 },
} satisfies Record<string, Line>;

export type LineName = keyof typeof lines;
