import { registerHooks } from 'node:module';

const coreUrl = new URL('functions-core.ts', import.meta.url).href;

/**
 * Makes `@azure/functions-core` resolve to this host's, for `require` and `import` alike. To be
 * called before app code is loaded: `@azure/functions` asks for it once, and without it silently
 * switches to a test mode that registers nothing.
 */
export function installFunctionsCore(): void {
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === '@azure/functions-core'
        ? { url: coreUrl, format: 'module-typescript', shortCircuit: true }
        : nextResolve(specifier, context),
  });
}
