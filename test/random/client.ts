import type { Choice } from './choice.ts';
import { ClientSession } from './client-session.ts';
import { deleteBlob, deleteManifest, deleteRepository, deleteTag, restore } from './delete.ts';
import { examine } from './examine.ts';
import { pushImage, pushIndex, pushReferrer, retag } from './push.ts';
import { pull } from './read.ts';
import { abandonUpload, cancelUpload } from './upload.ts';
import type { Workload } from './workload.ts';

const actions = {
  pushImage,
  retag,
  pushIndex,
  pushReferrer,
  pull,
  deleteTag,
  deleteManifest,
  deleteBlob,
  abandonUpload,
  cancelUpload,
  deleteRepository,
  restore,
  examine,
};

/** How often a client does what, against each other. */
const weights: Readonly<Record<keyof typeof actions, number>> = {
  pushImage: 30,
  retag: 14,
  pushIndex: 6,
  pushReferrer: 6,
  pull: 14,
  deleteTag: 8,
  deleteManifest: 8,
  deleteBlob: 6,
  abandonUpload: 4,
  cancelUpload: 3,
  deleteRepository: 0.3,
  restore: 5,
  examine: 5,
};

/** A client that pushes, pulls, tags and deletes at random until the run ends. */
export async function runClient(workload: Workload, choice: Choice, name: string): Promise<void> {
  const client = new ClientSession(workload, choice, name);
  if (choice.chance(0.5)) await client.signIn();
  while (workload.goesOn()) {
    const repository = choice.of(workload.repositories);
    await actions[choice.weighted(weights)](client, repository);
  }
}
