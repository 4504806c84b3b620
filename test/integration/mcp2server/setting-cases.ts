/** `spec.readiness` and `spec.registration`. */
import { bad, boundCases, type Case, good, server } from './case.ts';

export function readinessCases(): Case[] {
  const overlap = 'probes would overlap; write a timeoutSeconds that is not greater than intervalSeconds';
  const readiness = (given: object) => server({ readiness: given });
  const probe = (given: object) => readiness({ probe: given });
  const bounds: [string, number, number, (value: unknown) => Record<string, unknown>][] = [
    ['minReadyEndpoints', 1, 1000, (value) => readiness({ minReadyEndpoints: value })],
    ['minReadySeconds', 0, 3600, (value) => readiness({ minReadySeconds: value })],
    ['probe.intervalSeconds', 1, 3600, (value) => probe({ intervalSeconds: value, timeoutSeconds: 1 })],
    ['probe.timeoutSeconds', 1, 60, (value) => probe({ intervalSeconds: 3600, timeoutSeconds: value })],
    ['probe.failureThreshold', 1, 100, (value) => probe({ failureThreshold: value })],
    ['probe.successThreshold', 1, 100, (value) => probe({ successThreshold: value })],
  ];
  const gates = 'spec.readiness.gates';
  return [
    ...bounds.flatMap(([field, least, most, put]) => boundCases(`spec.readiness.${field}`, least, most, put)),
    good('the gate Endpoints alone', readiness({ gates: ['Endpoints'] })),
    good('the gate Handshake alone', readiness({ gates: ['Handshake'] })),
    bad('no gate', readiness({ gates: [] }), gates),
    bad('an unknown gate', readiness({ gates: ['Health'] }), `${gates}[0]`),
    bad('a gate twice', readiness({ gates: ['Endpoints', 'Endpoints'] }), `${gates}[1]`),
    bad('three gates', readiness({ gates: ['Endpoints', 'Handshake', 'Endpoints'] }), gates),
    good('a timeout as long as the interval', probe({ intervalSeconds: 5, timeoutSeconds: 5 })),
    bad(
      'a longer timeout',
      probe({ intervalSeconds: 5, timeoutSeconds: 6 }),
      'spec.readiness.probe.timeoutSeconds',
      overlap,
    ),
    bad(
      'a timeout longer than the default interval',
      probe({ timeoutSeconds: 31 }),
      'spec.readiness.probe.timeoutSeconds',
      overlap,
    ),
    bad(
      'an interval shorter than the default timeout',
      probe({ intervalSeconds: 2 }),
      'spec.readiness.probe.timeoutSeconds',
      overlap,
    ),
  ];
}

export function registrationCases(): Case[] {
  const onlyThen = 'write selector together with from: Selector, and only then';
  const labelName = 'write label names as Kubernetes has them, for example mcp2.dev/tenant';
  const labelValue = "write a label value as Kubernetes has them, which has letters, digits, '-', '_' and '.'";
  const tagName = "write tag names of 1 to 63 lower-case letters, digits, '.', '/' and '-'";
  const tagValue = 'write tag values in printable ASCII';
  const registration = (given: object) => server({ registration: given });
  const tags = (given: object) => registration({ tags: given });
  const visible = (given: object) => registration({ visibility: given });
  const labels = (matchLabels: object) => visible({ from: 'Selector', selector: { matchLabels } });
  const entries = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
  const selector = 'spec.registration.visibility.selector';
  const matchLabels = `${selector}.matchLabels`;
  const tagsPath = 'spec.registration.tags';
  return [
    ...boundCases('spec.registration.drainSeconds', 0, 3600, (value) => registration({ drainSeconds: value })),
    good('visible to all', visible({ from: 'All' })),
    bad('visible to an unknown word', visible({ from: 'None' }), 'spec.registration.visibility.from'),
    bad('Selector without selector', visible({ from: 'Selector' }), selector, onlyThen),
    bad('selector without Selector', visible({ selector: { matchLabels: { a: 'b' } } }), selector, onlyThen),
    bad('a selector without labels', visible({ from: 'Selector', selector: {} }), matchLabels),
    bad('a selector with no label', labels({}), matchLabels),
    good('a selector with 16 labels', labels(entries(16))),
    bad('a selector with 17 labels', labels(entries(17)), matchLabels),
    good('a label with an empty value', labels({ 'kubernetes.io/metadata.name': '' })),
    good('a label value of 63 characters', labels({ a: 'b'.repeat(63) })),
    bad('a label value of 64 characters', labels({ a: 'b'.repeat(64) }), `${matchLabels}.a`),
    bad('a label value with a slash', labels({ a: 'b/c' }), `${matchLabels}.a`, labelValue),
    bad('a label value that is a number', labels({ a: 5 }), `${matchLabels}.a`),
    good('a label name of 63 characters', labels({ ['a'.repeat(63)]: 'b' })),
    bad('a label name of 64 characters', labels({ ['a'.repeat(64)]: 'b' }), matchLabels, labelName),
    bad('a label name with two slashes', labels({ 'a/b/c': 'd' }), matchLabels, labelName),
    bad('an empty label name', labels({ '': 'd' }), matchLabels, labelName),
    good('32 tags', tags(entries(32))),
    bad('33 tags', tags(entries(33)), tagsPath),
    good('a tag name of 63 characters', tags({ ['a'.repeat(63)]: '' })),
    bad('a tag name of 64 characters', tags({ ['a'.repeat(64)]: '' }), tagsPath, tagName),
    bad('a tag name in capitals', tags({ Region: 'a' }), tagsPath, tagName),
    bad('an empty tag name', tags({ '': 'a' }), tagsPath, tagName),
    good('a tag value with every kind of character', tags({ a: ' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' })),
    good('a tag value of 128 characters', tags({ a: 'b'.repeat(128) })),
    bad('a tag value of 129 characters', tags({ a: 'b'.repeat(129) }), `${tagsPath}.a`),
    bad('a tag value with a tab', tags({ a: '\t' }), `${tagsPath}.a`, tagValue),
    bad('a tag value outside ASCII', tags({ a: 'é' }), `${tagsPath}.a`, tagValue),
    bad('a tag value that is a map', tags({ a: {} }), `${tagsPath}.a`),
  ];
}
