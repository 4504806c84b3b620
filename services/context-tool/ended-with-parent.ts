/**
 * The command line of a child process that the kernel ends when this process is gone, also when the child is in an endless
 * loop (prctl(2), PR_SET_PDEATHSIG).
 *
 * @param setpriv Path of util-linux' setpriv; undefined where it does not work: the line stays as it is
 */
export function endedWithParent(line: readonly string[], setpriv: string | undefined): readonly string[] {
  return setpriv === undefined ? line : [setpriv, '--pdeathsig', 'KILL', '--', ...line];
}
