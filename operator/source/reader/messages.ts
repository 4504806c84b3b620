/** What goes to the reading thread and comes back from it. */
import type { ReadResources } from '../resource-file.ts';
import type { FileAnswer, FileRequest, Known, TextRequest } from './read-file.ts';

/** For the thread when it starts. */
export interface ReaderData {
  /** The text of crds/mcp2.dev_mcp2servers.yaml. */
  readonly definition: string;
}

export type ReaderRequest = { readonly list: string } | { readonly file: FileRequest } | { readonly text: TextRequest };

/** `ready` once; then, for each request, perhaps `began`, and one of the others. */
export type ReaderMessage =
  | { readonly ready: true }
  | { readonly began: Known }
  | { readonly names: readonly string[] }
  | { readonly answer: FileAnswer | undefined }
  | { readonly read: ReadResources }
  | { readonly failed: string };
