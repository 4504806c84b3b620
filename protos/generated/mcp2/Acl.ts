// Original file: protos/mcp2/discovery.proto


/**
 * Who may see a registration.
 */
export interface Acl {
  /**
   * Subjects (`sub`, name patterns) that see it. Empty: everybody who may look its capabilities up.
   */
  'visible_to'?: (string)[];
  /**
   * Capabilities that a caller must hold, all of them, to see it.
   */
  'required_capabilities'?: (string)[];
}

/**
 * Who may see a registration.
 */
export interface Acl__Output {
  /**
   * Subjects (`sub`, name patterns) that see it. Empty: everybody who may look its capabilities up.
   */
  'visible_to': (string)[];
  /**
   * Capabilities that a caller must hold, all of them, to see it.
   */
  'required_capabilities': (string)[];
}
