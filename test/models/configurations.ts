import { acquireReleaseConfigurations } from './acquire-release-configurations.ts';
import type { Configuration } from './configuration.ts';
import { directPushConfigurations } from './direct-push-configurations.ts';
import { manifestConfigurations } from './manifest-configurations.ts';
import { scopeMapsConfigurations } from './scope-maps-configurations.ts';
import { tagRowsConfigurations } from './tag-rows-configurations.ts';
import { quarantineConfigurations } from './quarantine-configurations.ts';
import { tagsConfigurations } from './tags-configurations.ts';
import { uploadConfigurations } from './upload-configurations.ts';

/** Every model, by what it is about. */
export const models: Readonly<Record<string, readonly Configuration[]>> = {
  'acquire and release of a blob': acquireReleaseConfigurations,
  'upload session': uploadConfigurations,
  'direct push': directPushConfigurations,
  'manifest and its children': manifestConfigurations,
  'manifests and their tags': tagsConfigurations,
  'quarantine, soft delete and restore': quarantineConfigurations,
  'a tag, its flag and its place in the order of time': tagRowsConfigurations,
  'repository tokens and their scope maps': scopeMapsConfigurations,
};
