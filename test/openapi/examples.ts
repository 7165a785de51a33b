const rules = [{ repositories: ['team/*'], actions: ['content/read', 'content/write'] }];

/** A document of each schema that a request can have. */
export const examples: Readonly<Record<string, object>> = {
  Policy: {
    anonymousPull: ['public/*'],
    scopeMaps: [{ name: 'builds', rules }],
    federation: [
      {
        name: 'github-app',
        issuer: 'https://token.actions.githubusercontent.com',
        audience: 'registry.example.com',
        claims: { repository: 'org/app', ref: ['refs/heads/main', 'refs/tags/v*'] },
        rules,
      },
    ],
  },
  ScopeMap: { description: 'What the builds of the team need', rules },
  FederationRule: {
    issuer: 'https://token.actions.githubusercontent.com',
    audience: 'registry.example.com',
    claims: { repository: 'org/app', ref: 'refs/heads/main' },
    rules,
  },
  TokenSettings: { scopeMap: 'builds', enabled: true },
  PasswordExpiry: { expiresInDays: 90 },
  SweepRequest: { dryRun: true },
  BackupRequest: {},
  RetentionRequest: { repository: 'team/app' },
  RestoreRequest: { backup: '20260102T030405Z-0a1b2c3d', existing: 'keep' },
  RebuildRequest: { repository: 'rescue/blobs' },
};
