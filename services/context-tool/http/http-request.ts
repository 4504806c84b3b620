/** One request to an upstream and its answer, as sources know them: without redirects, repeats and encodings. */

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** Of the configuration, by lower-case name; they go along to the same origin only. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the etag that we hold; goes along to the first URL only. */
  readonly ifNoneMatch?: string | undefined;
  readonly body: Buffer | undefined;
  /** Of the decoded body. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** A second run does no harm, so that it may be sent again after a reset. */
  readonly isRepeatable: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Decoded; empty unless the status is 2xx. */
  readonly body: Buffer;
  /** undefined when it is absent; the first value when it came more than once. */
  header(name: string): string | undefined;
  /** The answer is of the URL that was asked for, without a redirect. */
  readonly isDirect: boolean;
}
