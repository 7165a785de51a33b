import type { Configuration } from './configuration.ts';
import { directPush, endSession, finish, overwrite, releaseIt } from './direct-push.ts';

const hashFirst = finish({ first: 'hash', attempts: 2 });
const copyFirst = finish({ first: 'copy', attempts: 2 });

export const directPushConfigurations: readonly Configuration[] = [
  {
    name: 'A37 two manifest PUTs finish the same layer, and the sweep of the session',
    model: directPush({ P1: hashFirst, P2: copyFirst, S: endSession }),
  },
  {
    name: 'two manifest PUTs, two sweeps of the session, a release',
    model: directPush({
      P1: hashFirst,
      P2: copyFirst,
      S1: endSession,
      S2: endSession,
      R: releaseIt,
    }),
    byHand: true,
  },
  {
    name: 'a manifest PUT, the sweep of the session, a release',
    model: directPush({ P: hashFirst, S: endSession, R: releaseIt }),
  },
  {
    name: 'A30, A32 the client goes on writing while two manifest PUTs finish its layer',
    model: directPush({ P1: hashFirst, P2: copyFirst, C: overwrite }, { cleans: false }),
  },
  {
    name: 'A30, A32 the client goes on writing beside a manifest PUT, the sweep and a release',
    model: directPush(
      { P: copyFirst, C: overwrite, S: endSession, R: releaseIt },
      { cleans: false },
    ),
  },
  {
    name: 'a manifest PUT and the sweep of the session, one write delivered twice',
    model: directPush({ P: hashFirst, S: endSession }, { cleans: false, duplicates: 1 }),
  },
  {
    name: 'K2 the copy is not pinned to what was hashed',
    model: directPush(
      { P: finish({ first: 'hash', pinsCopy: false }), C: overwrite },
      { cleans: false },
    ),
    fails: /^(?:I3|K2) /,
  },
  {
    name: 'K2 what an earlier request copied is taken for what this one hashed',
    model: directPush(
      {
        P1: finish({ first: 'copy', hashesEarlierCopy: false }),
        P2: finish({ first: 'hash', hashesEarlierCopy: false }),
        C: overwrite,
      },
      { cleans: false },
    ),
    fails: /^(?:I3|K2) /,
  },
];
