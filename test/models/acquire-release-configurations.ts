import {
  acquireRelease,
  acquireReleaseStarts,
  deleteBlob,
  mount,
  mountWithoutIntent,
  otherRelease,
  release,
} from './acquire-release.ts';
import type { Configuration } from './configuration.ts';

const sweep = release('hnb');

export const acquireReleaseConfigurations: readonly Configuration[] = acquireReleaseStarts.flatMap(
  (start): Configuration[] => {
    const otherHolds = start === 'R2 has the blob';
    const other = otherHolds ? { R2: otherRelease } : {};
    return [
      {
        name: `${start}: two mounts, a sweep`,
        model: acquireRelease(start, { M1: mount(1), M2: mount(1), S: sweep, ...other }),
      },
      {
        name: `${start}: a mount that tries again, two sweeps`,
        model: acquireRelease(start, { M: mount(2), S1: sweep, S2: sweep, ...other }),
        ...(otherHolds ? { byHand: true } : {}),
      },
      {
        name: `${start}: two mounts, two sweeps`,
        model: acquireRelease(start, {
          M1: mount(1),
          M2: mount(1),
          S1: sweep,
          S2: sweep,
          ...other,
        }),
        byHand: true,
      },
      {
        name: `${start}: a mount, a DELETE of the blob, a sweep`,
        model: acquireRelease(start, { M: mount(2), D: deleteBlob, S: sweep, ...other }),
      },
      {
        name: `${start}: two mounts, a DELETE of the blob, a sweep`,
        model: acquireRelease(start, {
          M1: mount(1),
          M2: mount(1),
          D: deleteBlob,
          S: sweep,
          ...other,
        }),
        byHand: true,
      },
      {
        name: `${start}: a mount and a sweep, one write delivered twice`,
        model: acquireRelease(start, { M: mount(2), S: sweep, ...other }, 1),
      },
      {
        name: `${start}: a mount, a DELETE and a sweep, two writes delivered twice`,
        model: acquireRelease(start, { M: mount(1), D: deleteBlob, S: sweep, ...other }, 2),
        byHand: true,
      },
      ...(['hbn', 'bnh'] as const).map((order) => ({
        name: `A1 ${start}: a mount, two sweeps that read in the order ${order}`,
        model: acquireRelease(start, { M: mount(2), S1: release(order), S2: release(order) }),
        fails: /^I1 /,
      })),
      {
        name: `A1, A2 ${start}: a mount without an intent, a sweep`,
        model: acquireRelease(start, { M: mountWithoutIntent, S: sweep, ...other }),
        fails: /^(?:I[123]|K4) /,
      },
    ];
  },
);
