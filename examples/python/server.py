"""A server in Python: it answers its card and one piece of context, and checks every token by itself.

    python3 -m venv venv && venv/bin/pip install grpcio grpcio-tools 'PyJWT[crypto]'
    mkdir -p stubs && venv/bin/python -m grpc_tools.protoc -Iprotos --python_out=stubs --grpc_python_out=stubs \\
        protos/mcp2/*.proto
    PYTHONPATH=stubs venv/bin/python examples/python/server.py PetShop 50071

docs/own-server.md says why each check is there, and how the server becomes known. With a third argument, a file with a
token, it registers itself and keeps its registration alive.
"""
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import jwt
from mcp2 import card_pb2, context_tool_pb2, context_tool_pb2_grpc, discovery_pb2, discovery_pb2_grpc
from mcp2 import service_info_pb2_grpc

STATE = Path(os.environ.get('MCP2_STATE', Path.home() / '.local/state/mcp2'))
REGISTRY = os.environ.get('REGISTRY', '127.0.0.1:50050')
ISSUER = (STATE / 'issuer').read_text().strip()
KEYS = {key['kid']: jwt.PyJWK(key) for key in json.loads((STATE / 'jwks.json').read_text())['keys']}
CAPABILITY = 'db:pets:read'
PETS = {'pets:rex': b'"a good dog"'}


def verify(token, name, context):
    """The claims of a token that this server may accept; anything else ends the call."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get('typ') != 'mcp2-cap+jwt':
            raise jwt.InvalidTokenError('no capability token')
        key = KEYS[header['kid']]
        required = {'require': ['iss', 'sub', 'aud', 'iat', 'exp', 'jti']}
        claims = jwt.decode(token, key, algorithms=[key.algorithm_name], audience=name, issuer=ISSUER, options=required)
    except (jwt.InvalidTokenError, KeyError) as error:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, f'the token is refused: {error}')
    if 'cnf' in claims or 'dlg' in claims:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, 'the token needs a proof, which is not checked here')
    return claims


def authorize(claims, method, resource, capability, context):
    """Each section that the token has must cover the call; what is not understood covers nothing."""
    held, grants = claims.get('capabilities'), claims.get('grants')
    allowed = held is not None or grants is not None
    if held is not None:
        allowed = allowed and (len(held) > 0 if capability is None else capability in held)
    if grants is not None:
        allowed = allowed and any(
            set(grant) == {'method', 'resource'} and grant['method'] == method and resource in grant['resource']
            for grant in grants
        )
    if not allowed:
        context.abort(grpc.StatusCode.PERMISSION_DENIED, f'the token does not allow {method} on {resource}')


def admit(token, proof, context, name, call):
    if proof:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, 'delegation is not checked here')
    authorize(verify(token, name, context), *call, context)


class ServiceInfo(service_info_pb2_grpc.ServiceInfoServicer):
    def __init__(self, name):
        self.name = name

    def GetCard(self, request, context):
        call = ('ServiceInfo.GetCard', self.name, None)
        admit(request.requester_token, request.agent_delegation_proof, context, self.name, call)
        card = {
            'name': self.name,
            'version': '1.0.0',
            'protocol': 'mcp2/1',
            'services': ['ContextTool', 'ServiceInfo'],
            'capabilities': [CAPABILITY],
        }
        text = json.dumps(card, sort_keys=True, separators=(',', ':'))
        return card_pb2.GetCardResponse(card=card_pb2.SignedCard(card_json=text.encode()))


class ContextTool(context_tool_pb2_grpc.ContextToolServicer):
    def __init__(self, name):
        self.name = name

    def RequestContext(self, request, context):
        call = ('ContextTool.RequestContext', request.context_key, CAPABILITY)
        admit(request.capability_token, request.agent_delegation_proof, context, self.name, call)
        if request.context_key not in PETS:
            context.abort(grpc.StatusCode.NOT_FOUND, f'there is no {request.context_key}')
        return context_tool_pb2.ContextResponse(serialized_value=PETS[request.context_key])


def register(name, port, token):
    """Registers and beats three times a TTL. One request a call: a stream that waits forever would hide a failure."""
    discovery = discovery_pb2_grpc.DiscoveryStub(grpc.insecure_channel(REGISTRY))
    request = discovery_pb2.RegisterRequest(
        server_name=name, capabilities=[CAPABILITY], registration_token=token, grpc_url=f'127.0.0.1:{port}'
    )
    answer = discovery.Register(request)
    print(answer.message, flush=True)
    beat = discovery_pb2.HeartbeatRequest(
        server_name=name,
        instance_id=answer.instance_id,
        lease_token=answer.lease_token,
        registration_token=token,
        health=discovery_pb2.HEALTH_SERVING,
    )
    while True:
        time.sleep(answer.ttl_seconds / 3)
        for _ in discovery.Heartbeat(iter([beat])):
            pass


def main(name, port, token_file=None):
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    service_info_pb2_grpc.add_ServiceInfoServicer_to_server(ServiceInfo(name), server)
    context_tool_pb2_grpc.add_ContextToolServicer_to_server(ContextTool(name), server)
    server.add_insecure_port(f'127.0.0.1:{port}')
    server.start()
    print(f'{name} listens on port {port}', flush=True)
    if token_file is not None:
        register(name, port, Path(token_file).read_text().strip())
    server.wait_for_termination()


if __name__ == '__main__':
    main(*sys.argv[1:])
