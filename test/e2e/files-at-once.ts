import { isForeignCluster } from '../cluster/images.ts';

/** Each file has a cluster of its own, and mostly waits for it; a cluster of somebody else is shared by all files. */
export const FILES_AT_ONCE = isForeignCluster(process.env) ? 1 : 2;
