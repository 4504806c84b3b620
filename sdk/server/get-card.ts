/** ServiceInfo.GetCard: what this server is. The operator's handshake calls it with a right to nothing else. */
import { quote } from '#lib/capability/name.ts';
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { GetCardRequest__Output } from '#protos/generated/mcp2/GetCardRequest.ts';
import type { GetCardResponse } from '#protos/generated/mcp2/GetCardResponse.ts';
import type { Serving } from './serving.ts';

/** @throws ServiceError NAME_INVALID or CARD_UNKNOWN */
export function createGetCard(current: () => Serving): UnaryHandler<GetCardRequest__Output, GetCardResponse> {
  return function getCard({ server_name, card_digest }) {
    const { name, card } = current().offer;
    if (server_name !== '' && server_name !== name) {
      const message = `this server is ${name}, not ${quote(server_name)}; leave server_name empty or ask Discovery`;
      throw new ServiceError('NAME_INVALID', message);
    }
    if (card_digest.length > 0 && !card.digest.equals(card_digest)) {
      throw new ServiceError('CARD_UNKNOWN', 'this server has another card now; leave card_digest empty to get it');
    }
    return { card: { card_json: card.json, jws: '' } };
  };
}
