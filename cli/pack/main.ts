/** `npm run pack [-- FOLDER]`: the published package as a tarball, in dist/ or the folder that is named. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stagePackage } from './stage.ts';

const root = join(import.meta.dirname, '../..');
const destination = resolve(process.argv[2] ?? join(root, 'dist'));
const staged = join(destination, 'package');

mkdirSync(destination, { recursive: true });
stagePackage(root, staged, (target) => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', target];
  execFileSync(process.execPath, args, { stdio: 'inherit', cwd: root });
});
const packed = execFileSync('npm', ['pack', staged, '--pack-destination', destination, '--silent'], { cwd: root });
process.stdout.write(`${join(destination, packed.toString().trim())}\n`);
