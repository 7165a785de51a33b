import type { Configuration } from './configuration.ts';
import {
  finalPut,
  finalPutUnfenced,
  mountOther,
  post,
  releaseName,
  sweepSession,
  upload,
} from './upload.ts';

const sweep = sweepSession({ asksWhoIsServed: true, removes: 'later' });
const hasty = sweepSession({ asksWhoIsServed: true, removes: 'now' });
const trusting = sweepSession({ asksWhoIsServed: false, removes: 'later' });

const open = 'a session is open';
const linked = 'a session is open, and R has the digest at name 1';
const none = 'nothing is there yet';

export const uploadConfigurations: readonly Configuration[] = [
  {
    name: 'two final PUTs, two sweeps of the session',
    model: upload(open, { P1: finalPut, P2: finalPut, S1: sweep, S2: sweep }),
  },
  {
    name: 'two final PUTs, a sweep of the session, a release of its name',
    model: upload(open, { P1: finalPut, P2: finalPut, S: sweep, R: releaseName(2) }),
  },
  {
    name: 'a final PUT, a sweep of the session, two releases of its name',
    model: upload(open, { P: finalPut, S: sweep, R1: releaseName(2), R2: releaseName(2) }),
  },
  {
    name: 'a final PUT, a mount of another name, a sweep of the session, a release of that name',
    model: upload(open, { P: finalPut, M: mountOther, S: sweep, R: releaseName(1) }),
  },
  {
    name: 'a final PUT, a mount of another name, releases of both names, a sweep of the session',
    model: upload(open, {
      P: finalPut,
      M: mountOther,
      R1: releaseName(1),
      R2: releaseName(2),
      S: sweep,
    }),
  },
  {
    name: 'the same where the repository has the digest already',
    model: upload(linked, {
      P: finalPut,
      M: mountOther,
      R1: releaseName(1),
      R2: releaseName(2),
      S: sweep,
    }),
  },
  {
    name: 'the same with a twin of the final PUT',
    model: upload(linked, {
      P1: finalPut,
      P2: finalPut,
      M: mountOther,
      R1: releaseName(1),
      R2: releaseName(2),
      S: sweep,
    }),
    byHand: true,
  },
  {
    name: 'a POST, two final PUTs and a sweep of the session, one write delivered twice',
    model: upload(none, { N: post, P1: finalPut, P2: finalPut, S: sweep }, 1),
  },
  {
    name: 'a POST, a final PUT, a sweep of the session and a release, one write delivered twice',
    model: upload(none, { N: post, P: finalPut, S: sweep, R: releaseName(2) }, 1),
  },
  {
    name: 'A3 the right is given without a condition on the session',
    model: upload(open, { P: finalPutUnfenced, S: sweep }),
    fails: /^I3 /,
  },
  {
    name: 'a release that does not look at the session its holder row came by',
    model: upload(open, { P: finalPut, S: sweep, R: releaseName(2, false) }),
    fails: /^I1 /,
  },
  {
    name: 'a sweep that takes a POST delivered again for an abandoned upload',
    model: upload(none, { N: post, P: finalPut, S: trusting }, 1),
    fails: /^I1 /,
  },
  {
    name: 'a sweep that removes a session at once while its final PUT is still on its way',
    model: upload(open, { P: finalPut, S: hasty }),
    fails: /^K4 /,
  },
];
