import type { Pusher } from '../../shared/registry/uploads/direct-session.ts';
import { newPusher, pushManifestOf, putDirect } from '../direct/in-process.ts';
import { expectBlob, expectTag, type Scenario } from './crash-scenario.ts';
import { makeImage, randomBlob, type TestBlob, type TestImage } from './image.ts';
import { pushBlob } from './in-process.ts';

interface DirectImage {
  readonly image: TestImage;
  readonly layer: TestBlob;
  readonly pusher: Pusher;
}

/** A request that died leaves a claim, which need not be waited for as long here. */
const shortClaims = { directClaim: 0.2 };

const expectImage: Scenario<DirectImage>['afterwards'] = async (registry, repository, given) => {
  await expectTag(registry, repository, 'latest', given.image.manifest);
  await expectBlob(registry, repository, given.layer);
};

/** POST and manifest; tried again it is another push, under another token. */
export const pushDirect: Scenario<DirectImage> = {
  seconds: shortClaims,
  async given(registry, repository) {
    const [config, layer] = [randomBlob(), randomBlob(2000)];
    await pushBlob(registry, repository, config);
    return { image: makeImage({ config, layers: [layer] }), layer, pusher: newPusher() };
  },
  async act(registry, repository, { image, layer, pusher }) {
    await putDirect(registry, repository, pusher, layer);
    await pushManifestOf(registry, repository, pusher, image.manifest, 'latest');
  },
  retry: (registry, repository, given) =>
    pushDirect.act(registry, repository, { ...given, pusher: newPusher() }),
  afterwards: expectImage,
};

/** A client that got no answer to its manifest sends that again and nothing else. */
export const putDirectManifest: Scenario<DirectImage> = {
  ...pushDirect,
  async given(registry, repository) {
    const given = await pushDirect.given(registry, repository);
    await putDirect(registry, repository, given.pusher, given.layer);
    return given;
  },
  async act(registry, repository, { image, pusher }) {
    await pushManifestOf(registry, repository, pusher, image.manifest, 'latest');
  },
  retry: (registry, repository, given) => putDirectManifest.act(registry, repository, given),
};

/** Another layer of the same size is hashed first, and must be left as it is. */
export const putDirectAmongOthers: Scenario<DirectImage> = {
  ...putDirectManifest,
  async given(registry, repository) {
    const given = await pushDirect.given(registry, repository);
    for (const blob of [randomBlob(2000), given.layer]) {
      await putDirect(registry, repository, given.pusher, blob);
    }
    return given;
  },
};
