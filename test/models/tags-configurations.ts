import type { Configuration } from './configuration.ts';
import {
  deleteManifest,
  deleteManifestFirst,
  deleteTag,
  put,
  removeManifest,
  retention,
  tags,
} from './tags.ts';

const tagged = 'M1 is live with both tags, M2 with none';
const nothing = 'nothing is there';
const both = [['a', 'b']] as const;
const apart = [['a'], ['b']] as const;

export const tagsConfigurations: readonly Configuration[] = [
  {
    name: 'two manifests are put with the same two tags, one is deleted',
    model: tags(nothing, { P1: put('M1', both), P2: put('M2', both), D: deleteManifest('M1') }),
  },
  {
    name: 'the same, the tags of one in two transactions',
    model: tags(nothing, { P1: put('M1', both), P2: put('M2', apart), D: deleteManifest('M1') }),
  },
  {
    name: 'both tags are moved one by one, while their manifest and one of them is deleted',
    model: tags(tagged, { P: put('M2', apart), D: deleteManifest('M1'), T: deleteTag('b') }),
  },
  {
    name: 'A21 a manifest is deleted, pushed again with both tags and purged',
    model: tags(tagged, {
      D: deleteManifest('M1'),
      P: put('M1', apart),
      Q: put('M1', both),
      S: removeManifest('M1'),
    }),
  },
  {
    name: 'A16 both tags move away and back, beside the retention of what has none',
    model: tags(tagged, {
      P: put('M2', both),
      Q: put('M1', [['a']]),
      R1: retention('M1'),
      R2: retention('M2'),
    }),
  },
  {
    name: 'everything at once',
    model: tags(tagged, {
      P: put('M2', apart),
      Q: put('M1', both),
      D: deleteManifest('M1'),
      E: deleteManifest('M2'),
      T: deleteTag('a'),
      S: removeManifest('M1'),
    }),
    byHand: true,
  },
  {
    name: 'a PUT with both tags, a deletion of the manifest and of a tag, one write delivered twice',
    model: tags(
      nothing,
      { P: put('M1', apart), D: deleteManifest('M1'), T: deleteTag('a'), S: removeManifest('M1') },
      1,
    ),
  },
  {
    name: 'A22 a tag is put without asserting its manifest',
    model: tags(tagged, {
      P: put('M2', both, { assertsManifest: false }),
      D: deleteManifest('M2'),
    }),
    fails: /^J3 /,
  },
  {
    name: 'A16 retention that deletes unconditionally',
    model: tags(tagged, {
      P: put('M2', both),
      R: retention('M2', { conditional: false }),
    }),
    fails: /^J3 /,
  },
  {
    name: 'A21 a manifest goes before its tags',
    model: tags(tagged, { D: deleteManifestFirst('M1') }),
    fails: /^J3 /,
  },
];
