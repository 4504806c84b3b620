/** ServiceInfo.GetCard: what this server is. The operator's handshake calls it with a right to nothing else. */
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { GetCardRequest__Output } from '#protos/generated/mcp2/GetCardRequest.ts';
import type { GetCardResponse } from '#protos/generated/mcp2/GetCardResponse.ts';
import type { SampleCard } from './card.ts';

export interface GetCardDependencies {
  readonly serverName: string;
  readonly card: SampleCard;
}

export function createGetCard({
  serverName,
  card,
}: GetCardDependencies): UnaryHandler<GetCardRequest__Output, GetCardResponse> {
  return function getCard({ server_name, card_digest }) {
    if (server_name !== '' && server_name !== serverName) {
      throw new ServiceError('NAME_INVALID', `this is ${serverName}; leave server_name empty or ask Discovery`);
    }
    if (card_digest.length > 0 && !card.digest.equals(card_digest)) {
      throw new ServiceError('CARD_UNKNOWN', 'this server has another card now; leave card_digest empty to get it');
    }
    return { card: { card_json: card.json, jws: '' } };
  };
}
