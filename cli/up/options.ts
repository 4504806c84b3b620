/** What `mcp2 up` can be told. */
export interface UpOptions {
  /** The folder of YAML files. Default: examples/inventory of the package. */
  readonly files?: string;
  readonly state?: string;
  /** Of the registry. Default: the first free one from 50050 on. */
  readonly port?: number;
  /** Of the event bus. Default: the first free one from 50052 on. */
  readonly busPort?: number;
  /** URLs of etcd, comma-separated; instead of the embedded store. */
  readonly etcd?: string;
  readonly verbose?: boolean;
}
