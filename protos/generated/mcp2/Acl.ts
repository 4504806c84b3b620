// Original file: protos/mcp2/discovery.proto


/**
 * Who may see a registration.
 */
export interface Acl {
  /**
   * Subjects that see it: a `sub`, or "<namespace>.*" for all of a namespace. At most 256. Empty: everybody who may look
   * its capabilities up.
   */
  'visible_to'?: (string)[];
  /**
   * Capabilities that a caller must hold, all of them, to see it. At most 64.
   */
  'required_capabilities'?: (string)[];
}

/**
 * Who may see a registration.
 */
export interface Acl__Output {
  /**
   * Subjects that see it: a `sub`, or "<namespace>.*" for all of a namespace. At most 256. Empty: everybody who may look
   * its capabilities up.
   */
  'visible_to': (string)[];
  /**
   * Capabilities that a caller must hold, all of them, to see it. At most 64.
   */
  'required_capabilities': (string)[];
}
