// Original file: protos/mcp2/card.proto

import type { SignedCard as _mcp2_SignedCard, SignedCard__Output as _mcp2_SignedCard__Output } from '../mcp2/SignedCard.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetCardResponse {
  'card'?: (_mcp2_SignedCard | null);
  /**
   * Registry revision of the card. Zero when the server itself answered.
   */
  'revision'?: (number | string | Long);
  /**
   * Public key (JWK) that the server registered with, which verifies the card. Empty: not key-bound, and always until
   * servers register with a key.
   */
  'public_jwk'?: (string);
  /**
   * `sub` of the token that registered the server. Empty: not stated.
   */
  'subject'?: (string);
}

export interface GetCardResponse__Output {
  'card': (_mcp2_SignedCard__Output | null);
  /**
   * Registry revision of the card. Zero when the server itself answered.
   */
  'revision': (number);
  /**
   * Public key (JWK) that the server registered with, which verifies the card. Empty: not key-bound, and always until
   * servers register with a key.
   */
  'public_jwk': (string);
  /**
   * `sub` of the token that registered the server. Empty: not stated.
   */
  'subject': (string);
}
