/** Which media types a caller takes: ContextRequest.accept, a list of ranges as in RFC 9110 Section 12.5.1. */

/** Of what is not stated, so that nobody reads bytes as a text that they asked for. */
const UNSTATED = 'application/octet-stream';

/** Weights only say what is refused (q=0): there is one answer to choose from. An empty list takes anything. */
export function accepts(wanted: string, contentType: string): boolean {
  if (wanted === '') return true;
  const [type = ''] = (contentType || UNSTATED).toLowerCase().split(';', 1);
  const essence = type.trim();
  const [main = ''] = essence.split('/', 1);
  const ranges = new Map(wanted.toLowerCase().split(',').map(parseRange));
  // The most exact range that fits decides.
  return ranges.get(essence) ?? ranges.get(`${main}/*`) ?? ranges.get('*/*') ?? false;
}

function parseRange(text: string): [range: string, isTaken: boolean] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim());
  return [range, !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))];
}
