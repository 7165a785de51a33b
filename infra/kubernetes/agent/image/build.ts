/**
 * `npm run agent-image`: makes the agent's image as an OCI layout in `infra/kubernetes/agent/dist/image`
 * without a base image, for this machine's architecture. Then, for example:
 * `oras cp --from-oci-layout infra/kubernetes/agent/dist/image:VERSION REGISTRY/lighter/agent:VERSION`.
 */
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../../../../package.json' with { type: 'json' };
import { bundleAgent, bundleFile } from './bundle.ts';
import { makeDebianRoot } from './debian-root.ts';
import { OciLayout } from './oci-layout.ts';

const maxCompressedBytes = 60_000_000;

/** Of the project's own dependency, which is an official build of Node.js. */
const nodeFile = fileURLToPath(new URL('../../../../node_modules/node/bin/node', import.meta.url));

/** Makes the image below `folder`, tagged with the project's version. Throws when it is too large. */
export async function buildAgentImage(
  folder: string,
): Promise<{ readonly digest: string; readonly compressedBytes: number; readonly tag: string }> {
  const work = await mkdtemp(join(tmpdir(), 'lighter-agent-image-'));
  try {
    const [system, program] = [join(work, 'system'), join(work, 'program')];
    await Promise.all([mkdir(system), mkdir(program)]);
    await bundleAgent();
    await makeDebianRoot(system, nodeFile);
    await copyFile(bundleFile, join(program, 'agent.mjs'));
    const layout = await OciLayout.create(folder);
    // What changes often comes last: a new agent is a few KiB for a node that has the old one.
    const layers = [await layout.addLayer(system), await layout.addLayer(program)];
    const { version: tag } = packageJson;
    const { digest } = await layout.finish(layers, configuration, tag);
    const compressedBytes = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    if (compressedBytes > maxCompressedBytes) {
      throw new Error(`the image has ${compressedBytes} bytes, more than ${maxCompressedBytes}`);
    }
    return { digest, compressedBytes, tag };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const configuration = {
  User: '65532:65532',
  Env: ['PATH=/bin', 'HOME=/tmp'],
  Entrypoint: ['/bin/node', '--max-semi-space-size=1', '/agent.mjs'],
  Labels: {
    'org.opencontainers.image.title': 'Lighter agent for Kubernetes',
    'org.opencontainers.image.licenses': 'MIT',
  },
};

if (import.meta.main) {
  const folder = fileURLToPath(new URL('../dist/image', import.meta.url));
  const { digest, compressedBytes, tag } = await buildAgentImage(folder);
  const megabytes = (compressedBytes / 1e6).toFixed(1);
  process.stdout.write(`${folder}:${tag} is ${digest}, ${megabytes} MB compressed\n`);
}
