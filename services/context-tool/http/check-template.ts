/** What is wrong with an `http` of the configuration, found when it is read: a mistake there is never a caller's problem. */
import type { HttpConfig, Problem } from '../config/runtime-config.ts';
import { parseBody } from './body-template.ts';
import { parseHeaders } from './header-template.ts';
import { parseUrlTemplate } from './url-template.ts';

export const HTTP_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * @param names Key segments and parameters, or arguments; undefined for a tool that takes any.
 * @returns all mistakes, each with the path of its member
 */
export function checkTemplate(config: HttpConfig, names: readonly string[] | undefined): readonly Problem[] {
  const url = parseUrlTemplate(config.url);
  const headers = parseHeaders(config.headers);
  const body = config.body === undefined ? undefined : parseBody(config.body.json);
  return [
    ...methodProblems(config).map((message) => at('method', message)),
    ...url.problems.map((problem) => at('url', `the URL cannot be used: ${problem}`)),
    ...headers.problems.map(({ header, message }) => at(`headers.${header}`, `header "${header}" ${message}`)),
    ...(body?.problems ?? []).map(({ path, message }) => at(`body.${path}`, message)),
    ...unknown('url', url.names),
    ...unknown('headers', headers.names),
    ...unknown('body', body?.names ?? []),
  ];

  function unknown(member: string, used: readonly string[]): readonly Problem[] {
    if (names === undefined) return [];
    const missing = [...new Set(used)].filter((name) => !names.includes(name));
    return missing.map((name) => at(member, `"{${name}}" stands for nothing; ${allowed(names)}`));
  }

  function at(member: string, message: string): Problem {
    return { ...config.place, path: `${config.place.path}.${member}`, message };
  }
}

function methodProblems({ method, body }: HttpConfig): readonly string[] {
  if (!HTTP_METHODS.includes(method))
    return [`"${method}" is no method for a source; allowed are ${HTTP_METHODS.join(', ')}`];
  return body !== undefined && (method === 'GET' || method === 'HEAD') ? [`${method} takes no body; use POST`] : [];
}

function allowed(names: readonly string[]): string {
  return names.length === 0
    ? 'no names are declared'
    : `the names declared are ${names.map((name) => `"${name}"`).join(', ')}`;
}
