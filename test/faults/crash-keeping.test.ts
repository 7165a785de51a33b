import { describeAccidents } from './accident-suite.ts';
import * as keeping from './crash-scenarios-keeping.ts';

describeAccidents(({ check, checkAtLength }) => {
  check('of a soft delete leaves what can be restored whole', keeping.softDelete);
  checkAtLength('of a soft delete with many tags forgets none', keeping.softDeleteManyTags);
  check('A17 of a restore lets the client repeat it', keeping.restore);
  checkAtLength('of a restore with many tags lets the client repeat it', keeping.restoreManyTags);
  check('of a restore of an index lets the client repeat it', keeping.restoreIndex);
  check('of deleting an image with its referrers leaves none', keeping.deleteWithReferrers);
  check('of restoring an image with its referrers loses none', keeping.restoreWithReferrers);
  check('of a push into quarantine shows it to nobody', keeping.pushQuarantined);
  check('of a release lets the client repeat it', keeping.release);
});
