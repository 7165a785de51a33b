import type { RegistryResponse } from '../shared/http/message.ts';
import type { RegistryRoute } from '../shared/http/route.ts';

/** OCI distribution-spec end-1: "this is a registry", said to whoever is signed in. */
export const baseRoute: RegistryRoute = {
  name: 'base',
  scope: 'registry',
  templates: ['v2/'],
  pattern: /^\/v2\/?$/,
  methods: {
    GET: { access: 'login', handle: thisIsARegistry },
    HEAD: { access: 'login', handle: thisIsARegistry },
  },
};

function thisIsARegistry(): Promise<RegistryResponse> {
  return Promise.resolve({
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Docker-Distribution-Api-Version': 'registry/2.0',
    },
    body: '{}',
  });
}
