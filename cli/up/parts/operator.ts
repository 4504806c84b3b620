/** The operator of `mcp2 up`: it works on a folder of YAML files instead of a cluster. */
import { createKeys } from '#lib/store/keys.ts';
import { startFileOperator } from '../../../operator/start-files.ts';
import { CommandFailed } from '../../failure.ts';
import { listServers, toListed } from '../../servers.ts';
import type { Part } from './part.ts';

export const operatorPart: Part = {
  name: 'operator',
  title: 'files',
  async start({ state, signer, files, shownFiles, protos, ...context }) {
    listServers(state); // Says what to do when the state cannot be read.
    const operator = await startFileOperator({
      ...context,
      directory: files,
      statePath: state.servers,
      keys: createKeys(),
      issuer: signer.issuer,
      signingKey: signer.key,
      services: protos,
    }).catch((cause: Error) => {
      throw new CommandFailed(`the files in ${files} cannot be read: ${cause.message}`, { cause });
    });
    return {
      shown: `${shownFiles} (watched)`,
      servers: () => toListed(operator.remembered()),
      problems: () => operator.problems(),
      replaced: operator.lost,
      stop: () => operator.stop(),
    };
  },
};
