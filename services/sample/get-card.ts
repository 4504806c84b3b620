/** ServiceInfo.GetCard: what this server is. The operator's handshake calls it with a right to nothing else. */
import { ServiceError } from '#lib/errors.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { GetCardRequest__Output } from '#protos/generated/mcp2/GetCardRequest.ts';
import type { GetCardResponse } from '#protos/generated/mcp2/GetCardResponse.ts';
import type { Admit } from './access.ts';
import type { SampleCard } from './card.ts';

export interface GetCardDependencies {
  readonly serverName: string;
  readonly card: SampleCard;
  readonly admit: Admit;
}

export function createGetCard({
  serverName,
  card,
  admit,
}: GetCardDependencies): UnaryHandler<GetCardRequest__Output, GetCardResponse> {
  return function getCard(request, call) {
    const presented = { token: request.requester_token, proof: request.agent_delegation_proof };
    const wanted = { method: 'ServiceInfo.GetCard', resource: serverName } as const;
    return admit(call, { presented, wanted, answer: () => answer(request) });
  };

  function answer({ server_name, card_digest }: GetCardRequest__Output): GetCardResponse {
    if (server_name !== '' && server_name !== serverName) {
      throw new ServiceError('NAME_INVALID', `this is ${serverName}; leave server_name empty or ask Discovery`);
    }
    if (card_digest.length > 0 && !card.digest.equals(card_digest)) {
      throw new ServiceError('CARD_UNKNOWN', 'this server has another card now; leave card_digest empty to get it');
    }
    return { card: { card_json: card.json, jws: '' } };
  }
}
