/** Halves of a group, when something in it meets damage: the rest must not fail with it. */
import { type Done, RESULT_NUMBERS, type Work } from './messages.ts';
import { NUMBER, NUMBERS, type PackedAppends, TEXTS } from './packed-appends.ts';

/** In order; undefined when there is nothing to split. */
export function splitWork(works: readonly Work[]): readonly [readonly Work[], readonly Work[]] | undefined {
  if (works.length > 1) {
    const middle = works.length >>> 1;
    return [works.slice(0, middle), works.slice(middle)];
  }
  const [work] = works;
  if (work === undefined || work.appends.count + work.calls.length < 2) return undefined;
  const { appends, calls } = work;
  if (appends.count === 0) {
    const middle = calls.length >>> 1;
    return [[{ ...work, calls: calls.slice(0, middle) }], [{ ...work, calls: calls.slice(middle) }]];
  }
  // Nothing of one kind is put before what came before it of the same kind.
  const middle = calls.length > 0 ? appends.count : appends.count >>> 1;
  return [
    [{ ...work, appends: slice(appends, 0, middle), calls: [] }],
    [{ ...work, appends: slice(appends, middle, appends.count), calls }],
  ];
}

/** The answers to both halves, as those to the whole. */
export function joinDone(first: Done, second: Done): Done {
  const results = new Float64Array(first.results.length + second.results.length);
  results.set(first.results);
  results.set(second.results, first.results.length);
  const shift = first.results.length / RESULT_NUMBERS;
  const errors = [...first.errors, ...second.errors.map(([i, error]) => [i + shift, error] as const)];
  return { ...second, results, errors, answers: [...first.answers, ...second.answers] };
}

function slice({ texts, numbers, payloads }: PackedAppends, from: number, to: number): PackedAppends {
  const bytesBefore = (place: number) => {
    let bytes = 0;
    for (let i = 0; i < place; i++) bytes += numbers[i * NUMBERS + NUMBER.payloadBytes] as number;
    return bytes;
  };
  return {
    count: to - from,
    texts: texts.slice(from * TEXTS, to * TEXTS),
    numbers: numbers.slice(from * NUMBERS, to * NUMBERS),
    payloads: payloads.subarray(bytesBefore(from), bytesBefore(to)),
  };
}
