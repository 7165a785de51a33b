import { fileURLToPath } from 'node:url';

/** `infra/kubernetes`, as it lies beside the command in a checkout, built or not. */
export const kubernetesFolder = fileURLToPath(new URL('../infra/kubernetes', import.meta.url));
