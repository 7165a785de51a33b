import type { Configuration } from './configuration.ts';
import {
  deleteChild,
  deleteDroppingHolds,
  deleteManifest,
  manifest,
  put,
  putAtOnce,
  putWithoutPending,
  releaseChild,
  restore,
  sweepOrphanedHold,
} from './manifest.ts';
import { purge, purgeAtOnce } from './manifest-purge.ts';

const fresh = 'the children are there';
const live = 'the image is live';
const halfPurged = 'the image is half purged';
const deleted = 'the image is deleted and can be restored';

const releases = { B1: releaseChild(1), B2: releaseChild(2) };

export const manifestConfigurations: readonly Configuration[] = [
  {
    name: 'a PUT, a sweep of the manifest, releases of both children',
    model: manifest(fresh, { P: put(2), S: purge, ...releases }),
  },
  {
    name: 'two PUTs, a DELETE, a sweep, a release',
    model: manifest(fresh, {
      P1: put(2),
      P2: put(2),
      D: deleteManifest(),
      S: purge,
      B1: releaseChild(1),
    }),
    byHand: true,
  },
  {
    name: 'two PUTs, a sweep, a release',
    model: manifest(fresh, { P1: put(2), P2: put(2), S: purge, B1: releaseChild(1) }),
  },
  {
    name: 'a PUT, a DELETE, two sweeps, releases of both children',
    model: manifest(fresh, { P: put(1), D: deleteManifest(), S1: purge, S2: purge, ...releases }),
    byHand: true,
  },
  {
    name: 'a PUT in one transaction and one in two, a DELETE, a sweep, a release',
    model: manifest(fresh, {
      P1: putAtOnce,
      P2: put(1),
      D: deleteManifest(),
      S: purge,
      B2: releaseChild(2),
    }),
  },
  {
    name: 'a live image is tagged, deleted and swept beside releases of both children',
    model: manifest(live, { P: put(2), D: deleteManifest(), S: purge, ...releases }),
  },
  {
    name: 'a half purged image is pushed again, while the purge goes on, with releases',
    model: manifest(halfPurged, { P: put(2), S: purge, ...releases }),
  },
  {
    name: 'a half purged image is pushed again twice, deleted, and purged twice',
    model: manifest(halfPurged, {
      P1: put(2),
      P2: put(2),
      D: deleteManifest(),
      S1: purge,
      S2: purge,
      B1: releaseChild(1),
    }),
    byHand: true,
  },
  {
    name: 'A23 children are deleted by the API beside PUT, DELETE and sweep of the manifest',
    model: manifest(live, {
      P: put(2),
      D: deleteManifest(),
      S: purge,
      B1: deleteChild(1),
      B2: deleteChild(2),
    }),
  },
  {
    name: 'A23 a child is deleted by the API beside a PUT that breaks off and its sweep',
    model: manifest(fresh, { P: put(2), S: purge, B1: deleteChild(1), B2: releaseChild(2) }),
  },
  {
    name: 'A17 a deleted image is restored and deleted again while it is due, with releases',
    model: manifest(deleted, {
      R: restore,
      D: deleteManifest('deleted'),
      S: purge,
      ...releases,
    }),
  },
  {
    name: 'A17 a deleted image is restored and pushed at once while it is due, with releases',
    model: manifest(deleted, { R: restore, P: put(2), S: purge, ...releases }),
  },
  {
    name: 'A17 an image is deleted, restored twice, pushed and swept',
    model: manifest(live, {
      D: deleteManifest('deleted'),
      R1: restore,
      R2: restore,
      P: put(2),
      S: purge,
      B1: releaseChild(1),
    }),
    byHand: true,
  },
  {
    name: 'a PUT in one transaction, a DELETE, a sweep and releases, one write delivered twice',
    model: manifest(fresh, { P: putAtOnce, D: deleteManifest(), S: purge, ...releases }, 1),
  },
  {
    name: 'a PUT in two transactions, a DELETE, a sweep and releases, one write delivered twice',
    model: manifest(fresh, { P: put(2), D: deleteManifest(), S: purge, ...releases }, 1),
  },
  {
    name: 'an image that goes in one transaction is pushed, deleted and swept twice, with releases',
    model: manifest(live, {
      P: put(2),
      D: deleteManifest(),
      S1: purgeAtOnce,
      S2: purgeAtOnce,
      ...releases,
    }),
  },
  {
    name: 'a half purged image is pushed again beside a sweep in one transaction and one of children',
    model: manifest(halfPurged, { P: put(2), S1: purgeAtOnce, S2: purge, ...releases }),
  },
  {
    name: 'a PUT that breaks off, and its sweep in one transaction, one write delivered twice',
    model: manifest(fresh, { P: put(2), S: purgeAtOnce, ...releases }, 1),
  },
  {
    name: 'A5 several transactions that nothing holds together',
    model: manifest(fresh, { P: putWithoutPending, S: sweepOrphanedHold, B1: releaseChild(1) }),
    fails: /^(?:J[12]|K4) /,
  },
  {
    name: 'A17 a deletion that drops the holds on the children, and a restore',
    model: manifest(live, { D: deleteDroppingHolds, R: restore, B1: releaseChild(1) }),
    fails: /^(?:J[12]|K4) /,
  },
];
