/** `npm start`: Azurite and all functions of the registry, in the foreground. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startAzurite, type RunningAzurite } from './azurite.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { keepAuditIn } from './functions-host/audit-log.ts';
import { startLocalHost, type LocalHost } from './local-host.ts';
import { registryEnvironment } from './registry-environment.ts';
import { readLocalSettings, type LocalSettings } from './settings.ts';
import { explainStartError } from './start-error.ts';
import { unusedSettings } from './unused-settings.ts';
import { welcome } from './welcome.ts';

const root = new URL('../', import.meta.url);
const sources = fileURLToPath(new URL('functions/index.ts', root));
const bundle = fileURLToPath(new URL('dist/main.cjs', root));
const accountName = 'lighter';

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

async function startHost(
  settings: LocalSettings,
  folder: DataFolder,
  azurite: RunningAzurite,
): Promise<LocalHost> {
  if (settings.auditFile !== undefined) keepAuditIn(settings.auditFile);
  const { adminPassword = folder.adminPassword, publicUrl } = settings;
  Object.assign(process.env, registryEnvironment({ storage: azurite, adminPassword, publicUrl }));
  return startLocalHost({
    ...settings,
    appFile: settings.bundle ? bundle : sources,
    hostJsonFile: fileURLToPath(new URL('host.json', root)),
    storage: azurite,
  });
}

async function start(): Promise<void> {
  for (const line of unusedSettings(process.env)) process.stderr.write(`${line}\n`);
  const settings = readLocalSettings(process.env);
  if (settings.bundle && !existsSync(bundle)) {
    fail('LIGHTER_BUNDLE is 1 but dist/main.cjs is missing: npm run build first.');
  }
  try {
    const folder = openDataFolder(settings.dataFolder);
    const { storageFolder, storageKey, adminPassword, adminPasswordFile } = folder;
    const azurite = await startAzurite({
      dataFolder: storageFolder,
      accountName,
      accountKey: storageKey,
    });
    const host = startHost(settings, folder, azurite);
    endOnSignal(host, azurite, settings);
    azurite.unexpectedExit.then(fail, fail);
    const { port } = await host;
    const onTerminal = process.stdout.isTTY;
    process.stdout.write(welcome({ settings, port, adminPassword, adminPasswordFile, onTerminal }));
  } catch (error) {
    fail(explainStartError(error, settings));
  }
}

/** Ends the host before its storage, so that nothing it has answered is lost; exit code 0. */
function endOnSignal(
  starting: Promise<LocalHost>,
  azurite: RunningAzurite,
  { dataFolder }: LocalSettings,
): void {
  async function end(): Promise<void> {
    const host = await starting;
    await host.stop();
    await azurite.stop();
    process.stdout.write(`Lighter has ended; its data is in ${dataFolder}\n`);
    process.exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void end().catch(fail));
  }
}

start().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
