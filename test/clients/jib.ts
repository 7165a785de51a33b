import { strictEqual } from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec, execMustFail } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

const project = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test.lighter</groupId>
  <artifactId>app</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
</project>
`;

const program = `public final class App {
  public static void main(String[] args) {
    System.out.println("hello from Lighter");
  }
}
`;

async function run({ registry, folder, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const build = (givenPassword: string): string[] => [
    '-q',
    '-B',
    'compile',
    'com.google.cloud.tools:jib-maven-plugin:3.4.5:build',
    '-Djib.from.image=scratch',
    `-Djib.to.image=${host}/jib/app:1`,
    `-Djib.to.auth.username=${user}`,
    `-Djib.to.auth.password=${givenPassword}`,
    '-Djib.allowInsecureRegistries=true',
    '-DsendCredentialsOverHttp=true',
  ];
  // Maven keeps its downloads in the real home folder.
  const options = { cwd: folder, timeoutSeconds: 300 };

  await mkdir(join(folder, 'src/main/java'), { recursive: true });
  await mkdir(join(folder, 'src/main/resources'), { recursive: true });
  await writeFile(join(folder, 'pom.xml'), project);
  await writeFile(join(folder, 'src/main/java/App.java'), program);
  await writeFile(join(folder, 'src/main/resources/text'), 'a second layer\n');

  await test('is refused with a wrong password', async () => {
    await execMustFail('mvn', build(`${password}x`), options);
  });
  await test('builds and pushes a Java image of several layers, and skopeo pulls it', async () => {
    await exec('mvn', build(password), options);
    const digest = await readFile(join(folder, 'target/jib-image.digest'), 'utf8');
    strictEqual((await registry.manifest('jib/app', '1')).digest, digest);
    const pull = ['copy', '--src-tls-verify=false', '--src-creds', `${user}:${password}`];
    const pulled = join(folder, 'pulled');
    await exec('/usr/bin/skopeo', [...pull, `docker://${host}/jib/app:1`, `dir:${pulled}`]);
    strictEqual(sha256(await readFile(join(pulled, 'manifest.json'))), digest);
  });
}

export const jib: Client = { name: 'jib', tools: [], run };
