import type { Configuration } from './configuration.ts';
import { change, put, quarantine, restore, softDelete } from './quarantine.ts';

export const quarantineConfigurations: readonly Configuration[] = [
  {
    name: 'A14 two tags are pushed while the manifest is released and put back',
    model: quarantine(true, { P: put('a'), Q: put('b'), R: change(false), S: change(true) }),
  },
  {
    name: 'A17 a manifest in quarantine is deleted, restored, pushed and released',
    model: quarantine(true, { D: softDelete, R: restore, P: put('b'), C: change(false) }),
  },
  {
    name: 'A17 a manifest is deleted, restored twice and put into quarantine',
    model: quarantine(false, { D: softDelete, R1: restore, R2: restore, C: change(true) }),
  },
  {
    name: 'a push, a release, a deletion and a restore, one write delivered twice',
    model: quarantine(true, { P: put('b'), C: change(false), D: softDelete, R: restore }, 1),
  },
  {
    name: 'A14 a tag is pushed without asserting the manifest whose state it copies',
    model: quarantine(true, { P: put('b', { assertsManifest: false }), R: change(false) }),
    fails: /^J3 /,
  },
];
