// Original file: protos/mcp2/token_service.proto


export interface GetJwksRequest {
}

export interface GetJwksRequest__Output {
}
