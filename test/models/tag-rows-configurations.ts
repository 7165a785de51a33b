import type { Configuration } from './configuration.ts';
import { bringInOrder, deleteManifest, deleteTag, put, tagRows } from './tag-rows.ts';

const aware = { knows: true };
const unaware = { knows: false };
const trusting = { knows: false, trustsMemory: true };
const nothing = 'nothing is there';
const tagged = 'M1 has the tag';
const older = 'M1 has the tag since an earlier release';

export const tagRowsConfigurations: readonly Configuration[] = [
  {
    name: 'A15 a push under a rule, beside those of an instance that does not know it',
    model: tagRows(nothing, {
      A: put('A', 'M1', aware),
      B: put('B', 'M2', unaware),
      D: deleteTag(unaware),
      E: deleteManifest('M1', unaware),
    }),
  },
  {
    name: 'A15 a tag is pushed again under the rule while others move and delete it',
    model: tagRows(tagged, {
      A: put('B', 'M1', aware),
      B: put('C', 'M2', unaware),
      D: deleteTag(unaware),
      E: deleteManifest('M1', unaware),
    }),
  },
  {
    name: 'two instances that know the rule push different manifests',
    model: tagRows(nothing, {
      A: put('A', 'M1', aware),
      B: put('B', 'M2', aware),
      C: put('C', 'M1', unaware),
      E: deleteManifest('M2', unaware),
    }),
  },
  {
    name: 'a tag of an earlier release is brought in order while it is moved and deleted',
    model: tagRows(older, {
      J: bringInOrder('J'),
      B: put('B', 'M2', unaware),
      D: deleteTag(unaware),
      E: deleteManifest('M1', unaware),
    }),
  },
  {
    name: 'two jobs bring it in order, while it is pushed again under the rule and deleted',
    model: tagRows(older, {
      J: bringInOrder('J'),
      K: bringInOrder('C'),
      A: put('A', 'M1', aware),
      E: deleteManifest('M1', unaware),
    }),
  },
  {
    name: 'a push under a rule, another and a deletion, one write delivered twice',
    model: tagRows(
      tagged,
      { A: put('B', 'M1', aware), B: put('C', 'M2', unaware), D: deleteTag(unaware) },
      1,
    ),
  },
  {
    name: 'A15 an instance that trusts what it remembers of the policy moves a tag',
    model: tagRows(nothing, { A: put('A', 'M1', aware), B: put('B', 'M2', trusting) }),
    fails: /^A15 /,
  },
  {
    name: 'A15 an instance that trusts what it remembers of the policy deletes a manifest',
    model: tagRows(nothing, { A: put('A', 'M1', aware), E: deleteManifest('M1', trusting) }),
    fails: /^A15 /,
  },
  {
    name: 'a deletion that does not hold the reverse row to what was listed',
    model: tagRows(older, {
      J: bringInOrder('J'),
      E: deleteManifest('M1', { ...unaware, pins: false }),
    }),
    fails: /^J4 /,
  },
];
