"""A client in Python: it finds servers by what they offer, reads a context and runs a tool, with one token.

With `npm start` in another terminal, and the stubs that server.py tells how to make:

    MCP2_TOKEN=$(npx mcp2 token mint --aud InventoryDB_Primary,PricingRules \\
        --capability db:inventory:read,tool:compute_pricing) PYTHONPATH=stubs venv/bin/python examples/python/client.py
"""
import os

import grpc
from mcp2 import context_tool_pb2, context_tool_pb2_grpc, discovery_pb2, discovery_pb2_grpc

REGISTRY = os.environ.get('REGISTRY', '127.0.0.1:50050')
TOKEN = os.environ['MCP2_TOKEN']


def find(capability):
    """The first server that offers it; the registry names only those that the token may use."""
    with grpc.insecure_channel(REGISTRY) as channel:
        request = discovery_pb2.LookupRequest(capability_filter=[capability], requester_token=TOKEN)
        return discovery_pb2_grpc.DiscoveryStub(channel).Lookup(request, timeout=5).endpoints[0].grpc_url


with grpc.insecure_channel(find('db:inventory:read')) as channel:
    question = context_tool_pb2.ContextRequest(
        context_key='inventory:prod_12345:stock_count', parameters={'warehouse': b'NY'}, capability_token=TOKEN
    )
    stock = context_tool_pb2_grpc.ContextToolStub(channel).RequestContext(question, timeout=5).serialized_value
with grpc.insecure_channel(find('tool:compute_pricing')) as channel:
    call = context_tool_pb2.ToolRequest(
        tool_name='compute_pricing', arguments={'sku': b'prod_12345', 'stock_count': stock}, capability_token=TOKEN
    )
    answer = context_tool_pb2_grpc.ContextToolStub(channel).InvokeTool(call, timeout=5)
print(f"{stock.decode()} in NY, at {answer.outputs['recommended_price'].decode()} each")
