import type { Configuration } from './configuration.ts';
import { deleteToken, give, make, scopeMaps, withdraw } from './scope-maps.ts';

const isNotThere = /which is not there$/;

export const scopeMapsConfigurations: readonly Configuration[] = [
  {
    name: 'a token is given a map while that map and the one it has are deleted',
    model: scopeMaps({ P: give('P', 'b'), D: withdraw('b'), E: withdraw('a') }),
  },
  {
    name: 'two give a token two maps, and both maps are deleted',
    model: scopeMaps({
      P: give('P', 'b', { attempts: 0 }),
      Q: give('Q', 'a', { attempts: 0 }),
      D: withdraw('b', { attempts: 0 }),
      E: withdraw('a', { attempts: 0 }),
    }),
  },
  {
    name: 'a token is given a map that is deleted, made anew and deleted by another',
    model: scopeMaps({
      P: give('P', 'b', { attempts: 0 }),
      D: withdraw('b', { attempts: 0 }),
      M: make('b'),
      E: withdraw('b', { attempts: 0 }),
    }),
  },
  {
    name: 'a token is deleted and given a map that is deleted',
    model: scopeMaps({ P: give('P', 'b'), D: withdraw('b'), T: deleteToken }),
  },
  {
    name: 'a token is given a map that is deleted, one write delivered twice',
    model: scopeMaps({ P: give('P', 'b'), D: withdraw('b'), E: withdraw('a') }, 1),
  },
  {
    name: 'a token is written after the look at the policy, without an intent',
    model: scopeMaps({ P: give('P', 'b', { announces: false }), D: withdraw('b') }),
    fails: isNotThere,
  },
  {
    name: 'the policy is read without a fence',
    model: scopeMaps({ P: give('P', 'b', { fences: false }), D: withdraw('b') }),
    fails: isNotThere,
  },
  {
    name: 'an intent that was taken away and is delivered once more is consumed, whatever its ETag',
    model: scopeMaps({ P: give('P', 'b', { byEtag: false }), D: withdraw('b') }, 1),
    fails: isNotThere,
  },
  {
    name: 'tokens are looked at before the intents are taken away',
    model: scopeMaps({ P: give('P', 'b'), D: withdraw('b', { intentsFirst: false }) }),
    fails: isNotThere,
  },
];
