import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startCuttingProxy } from './cutting-proxy.ts';
import { withBuildkit } from './direct/buildkit.ts';
import { withContainerd } from './direct/containerd.ts';
import { withDocker } from './direct/docker.ts';
import { withNerdctl } from './direct/nerdctl.ts';
import { withOldContainerd } from './direct/old-containerd.ts';
import { clientEnvironment, type Client } from './workbench.ts';

const parts = {
  old: withOldContainerd,
  containerd: withContainerd,
  nerdctl: withNerdctl,
  buildkit: withBuildkit,
  docker: withDocker,
};

/** Pushes whose layers go straight into storage, past the registry. */
export const direct: Client = {
  name: 'direct',
  tools: ['containerd', 'ctr-2.1', 'nerdctl', 'buildkit', 'moby'],
  run: async (bench) => {
    const proxy = await startCuttingProxy(bench.registry.host);
    try {
      for (const [name, part] of Object.entries(parts)) {
        const folder = join(bench.folder, name);
        await mkdir(folder);
        await part({ ...bench, folder, env: await clientEnvironment(folder) }, proxy);
      }
    } finally {
      await proxy.stop();
    }
  },
};
